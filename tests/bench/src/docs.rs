//! The part of `docs/PERFORMANCE.md` that a run writes.
