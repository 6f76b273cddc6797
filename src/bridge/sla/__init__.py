"""(see the glossary)"""
