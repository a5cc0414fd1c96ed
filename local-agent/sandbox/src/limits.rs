//! Every bound of the sandbox.

use std::time::Duration;

/// The longest job that the helper reads.
pub(crate) const JOB_BYTES: u64 = 4 * 1024 * 1024;
/// The longest report that the parent reads. A report is a sentence.
pub(crate) const REPORT_BYTES: u64 = 16 * 1024;

/// How long the fences may take to stand.
pub(crate) const START_TIME: Duration = Duration::from_secs(10);

/// Seconds of processor time.
pub(crate) const CPU_SECONDS: u64 = 60;
/// Bytes of address space. Programs reserve far more than they touch.
pub(crate) const MEMORY_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Open files. It lies below [`PROGRAM_FD`]; see there.
pub(crate) const OPEN_FILES: u64 = 512;
/// Processes and threads of the user. The kernel counts those outside of the sandbox too, so that a lower bound would stop everyday use.
pub(crate) const PROCESSES: u64 = 4096;
/// The bytes that `lanyard sandbox run` lets a program write to a file which the user's shell opened as its output.
pub const OUTPUT_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// The version of Landlock that can hold the workspace profile by itself: before it, signals go out (Linux 6.12).
pub(crate) const LANDLOCK_ALONE: i64 = 6;
/// What Landlock is told of one by one, where a folder cannot be named as a whole.
pub(crate) const ENTRIES: usize = 20_000;
/// How many folders below a workspace may lie between it and a repository that is kept.
pub(crate) const REPOSITORY_DEPTH: usize = 3;
/// Folders that are looked at for that. So many take about half a second.
pub(crate) const FOLDERS: usize = 100_000;
/// A `.git` that is a file, and says where the repository lies.
pub(crate) const GIT_FILE: u64 = 4096;
/// What is kept of a workspace, one by one.
pub(crate) const PLACES: usize = 4096;
/// How long another program may keep a lock on the workspace.
pub(crate) const LOCK_TIME: Duration = Duration::from_secs(5);
/// How deep folders are opened that their program has closed, to be removed.
pub(crate) const OPENED_UP: usize = 64;
/// Memory that programs of the workspace profile share by files.
pub(crate) const SHARED_MEMORY_BYTES: u64 = 256 * 1024 * 1024;
/// What bubblewrap says of what it has started is a short text.
pub(crate) const TOLD_BYTES: usize = 4096;
/// How long a command that was quick may take to be seen as ended.
pub(crate) const QUICK_TIME: Duration = Duration::from_secs(2);
/// How long the processes of a namespace may take to be gone once they are killed.
pub(crate) const END_TIME: Duration = Duration::from_secs(10);

/// The lowest descriptor under which the program waits to be started.
/// It lies above [`OPEN_FILES`]: once it is closed, no descriptor of this number can come about again, so that the one `execveat` that is let through can happen only once.
pub(crate) const PROGRAM_FD: i32 = 1000;

/// The status of a helper that refused.
pub(crate) const STATUS_REFUSED: u8 = 125;
/// The status of a helper that found the program but could not start it, as shells say it.
pub(crate) const STATUS_NOT_STARTED: u8 = 126;
/// The status of a helper that did not find the program, as shells say it.
pub(crate) const STATUS_NOT_FOUND: u8 = 127;
