//! A relay as a process.

use crate::process::{Process, program, run};
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use tokio::process::Command;

/// A running relay, or one that was killed and will run again.
pub struct Relay {
    pub process: Process,
    /// `https://127.0.0.1:port`.
    pub https: String,
    /// `http://localhost:port`.
    pub web: String,
    /// SHA-256 of its certificate, in hex.
    pub fingerprint: String,
    /// Its data.
    pub data: PathBuf,
}

impl Relay {
    /// Starts one on free ports with its data in `data`.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(data: PathBuf) -> Result<Self> {
        Self::start_on(data, "127.0.0.1:0", "127.0.0.1:0", None).await
    }

    /// Starts one that writes down all that `log` lets through.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_logging(data: PathBuf, log: &str) -> Result<Self> {
        Self::start_on(data, "127.0.0.1:0", "127.0.0.1:0", Some(log)).await
    }

    /// Starts one that serves viewers over TLS only, as a relay for others does.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_tls_only(data: PathBuf) -> Result<Self> {
        Self::start_on(data, "127.0.0.1:0", "off", None).await
    }

    async fn start_on(data: PathBuf, listen: &str, http: &str, log: Option<&str>) -> Result<Self> {
        let mut command = Command::new(program("lanyard-relay")?);
        command
            .args([
                "serve",
                "--json",
                // Tests look into its memory and count its descriptors, and not only as root.
                "--allow-debugger",
                "--listen",
                listen,
                "--http-listen",
                http,
                "--data",
            ])
            .arg(&data);
        if let Some(log) = log {
            command.env("RUST_LOG", log);
        }
        let mut process = Process::start(&mut command)?;
        let event = process.event_named("listening").await?;
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            process,
            https: text("https"),
            web: text("web"),
            fingerprint: text("fingerprint"),
            data,
        })
    }

    /// Starts it again where it was.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> Result<()> {
        let listen = self.https.trim_start_matches("https://").to_owned();
        let http = match self.web.strip_prefix("http://localhost") {
            Some(port) => format!("127.0.0.1{port}"),
            None => "off".to_owned(),
        };
        *self = Self::start_on(self.data.clone(), &listen, &http, None).await?;
        Ok(())
    }

    /// A fresh enrolment code.
    ///
    /// # Errors
    /// The relay gives none.
    pub async fn enrol(&self) -> Result<String> {
        let mut command = Command::new(program("lanyard-relay")?);
        command.arg("enrol").arg("--data").arg(&self.data);
        let (status, out, complaint) = run(&mut command).await?;
        if !status.success() {
            bail!("no code: {complaint}");
        }
        Ok(out.lines().next().context("a code")?.to_owned())
    }
}
