"""Rich text: readers and writers between the neutral tree of `bridge.model.document` and each markup.

Here belong: one reader and one writer a markup (`html`, `adf`, `wiki`, `markdown`), the normal form they share
(`clean`, `runs`, `shape`), the marker's text form (`marker`), cutting long texts (`split`) and taking quoted mail off
(`quoted`). Everything is pure: text in, text out. Which site speaks which markup, and any rule about who may read a
text, does not belong here.
"""
