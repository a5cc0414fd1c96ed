//! A program with nothing in it but a holder, for tests that need real processes.
//!
//! `holder` becomes one. `start` starts one with the configuration on standard input, prints its process id, and waits to be killed.
//! `knock SOCKET` connects, says nothing, and waits to be shown out.
//! `emit N` writes N bytes of a known pattern without a terminal's line end processing; `sink` reads keys raw and counts them.

use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[1..] {
        ["holder"] => match lanyard_holder::run_from_stdin() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        ["start"] => start(),
        ["knock", socket] => knock(socket),
        ["emit", count] => count.parse().ok().map_or(ExitCode::FAILURE, emit),
        ["sink", count] => count.parse().ok().map_or(ExitCode::FAILURE, sink),
        _ => ExitCode::FAILURE,
    }
}

/// What `emit` writes at an offset: lines of text whose content depends on where they are.
fn pattern(offset: u64) -> u8 {
    if offset % 64 == 63 {
        b'\n'
    } else {
        b' ' + ((offset.wrapping_mul(2_654_435_761) >> 13) % 95) as u8
    }
}

fn start() -> ExitCode {
    let mut json = String::new();
    let Ok(_) = std::io::stdin().read_to_string(&mut json) else {
        return ExitCode::FAILURE;
    };
    let Ok(config) = serde_json::from_str::<lanyard_holder::HolderConfig>(&json) else {
        return ExitCode::FAILURE;
    };
    let Ok(exe) = std::env::current_exe() else {
        return ExitCode::FAILURE;
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(async {
        let line = match lanyard_holder::spawn_detached(&exe, &config).await {
            Ok(spawned) => spawned.pid.to_string(),
            Err(error) => error.to_string(),
        };
        let mut stdout = std::io::stdout();
        if writeln!(stdout, "{line}")
            .and_then(|()| stdout.flush())
            .is_ok()
        {
            std::future::pending::<()>().await;
        }
    });
    ExitCode::FAILURE
}

/// Succeeds when the other side ends the connection without a word.
fn knock(socket: &str) -> ExitCode {
    let said = std::os::unix::net::UnixStream::connect(socket).and_then(|mut stream| {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).map(|_| said)
    });
    match said {
        Ok(said) if said.is_empty() => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

fn raw_terminal() -> bool {
    let stdin = std::io::stdin();
    let Ok(mut termios) = rustix::termios::tcgetattr(&stdin) else {
        return false;
    };
    termios.make_raw();
    rustix::termios::tcsetattr(&stdin, rustix::termios::OptionalActions::Now, &termios).is_ok()
}

fn emit(count: u64) -> ExitCode {
    if !raw_terminal() {
        return ExitCode::FAILURE;
    }
    let mut stdout = std::io::stdout().lock();
    let mut offset = 0;
    while offset < count {
        let end = count.min(offset + 32 * 1024);
        let part: Vec<u8> = (offset..end).map(pattern).collect();
        if stdout.write_all(&part).is_err() {
            return ExitCode::FAILURE;
        }
        offset = end;
    }
    if stdout.flush().is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Says `ready`, reads so many bytes raw, then says their number and sum.
fn sink(count: usize) -> ExitCode {
    if !raw_terminal() {
        return ExitCode::FAILURE;
    }
    let mut stdout = std::io::stdout();
    let mut bytes = vec![0; count];
    let said = writeln!(stdout, "ready").and_then(|()| stdout.flush());
    if said.is_err() || std::io::stdin().read_exact(&mut bytes).is_err() {
        return ExitCode::FAILURE;
    }
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    if writeln!(stdout, "\r\nread {count} {sum}.").is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
