"""The story that `bridge demo` tells: people who act through the vendors' own APIs, and a judge who compares what stands
on both sides at the end. Nothing here looks into bridge: it sees what a customer and an engineer would see."""
