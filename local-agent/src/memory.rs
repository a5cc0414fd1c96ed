//! What a process that holds keys leaves behind: nothing.

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// From here on a crash leaves no core, and no other program of the same user reads this memory unless the system lets it.
///
/// There is no limit on the size of cores beside it: programs in terminals would inherit that one, and their cores are not ours to forbid. This
/// ends with the next `exec`.
pub fn keep_private() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "a crash may leave keys in a core file");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::dumpable_behavior;

    #[test]
    fn a_process_that_holds_keys_leaves_no_core_and_what_it_starts_is_free_to()
    -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(dumpable_behavior()?, DumpableBehavior::Dumpable);
        keep_private();
        assert_eq!(dumpable_behavior()?, DumpableBehavior::NotDumpable);
        set_dumpable_behavior(DumpableBehavior::Dumpable)?;
        Ok(())
    }
}
