//! The relay's certificate: one it is given, or one it makes on first start and keeps.

use crate::data::DataDir;
use crate::limits::TLS_FILE_MAX;
use lanyard_shared::time::UnixMs;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustix::fs::OFlags;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What TLS listeners need.
#[derive(Clone)]
pub struct Identity {
    /// For the acceptor.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, for those who pin it.
    pub fingerprint: [u8; 32],
    /// When it ends.
    pub ends: UnixMs,
    /// True for a certificate that no browser trusts by itself.
    pub self_signed: bool,
}

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key can be read by others.
    #[error("the TLS key {0} can be read by other users")]
    KeyOpen(PathBuf),
    /// The certificate is there and its key is not.
    #[error("the TLS key {0} is missing, but its certificate is there")]
    KeyMissing(PathBuf),
    /// Not PEM, or not a certificate or key.
    #[error("{path} holds no usable {what}: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Certificate or key.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// It is larger than any certificate or key.
    #[error("{0} is too large to hold a certificate or a key")]
    TooLarge(PathBuf),
    /// Certificate and key do not fit each other.
    #[error("certificate and key do not work together: {0}")]
    Mismatch(#[from] rustls::Error),
    /// The relay's own pair is not what it made.
    #[error("the relay's own certificate cannot be used: {source}")]
    Own {
        /// Where its certificate is.
        certificate: PathBuf,
        /// Where its key is.
        key: PathBuf,
        /// Why.
        source: Box<TlsError>,
    },
    /// A new certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl TlsError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::KeyOpen(path) => format!("run `chmod 600 {}`", path.display()),
            Self::KeyMissing(path) => {
                format!(
                    "put {} back; without it every agent that pinned the certificate must be told the new one",
                    path.display()
                )
            }
            Self::File { .. } | Self::TooLarge(_) | Self::Unusable { .. } | Self::Mismatch(_) => {
                "pass a PEM certificate chain with --tls-cert and its PEM key with --tls-key"
                    .to_owned()
            }
            Self::Own {
                certificate, key, ..
            } => format!(
                "restore {certificate} and {key} from a backup; or move both away: the relay makes another certificate, and every machine must enrol again, for it was told the old one",
                certificate = certificate.display(),
                key = key.display()
            ),
            Self::Make(_) => String::new(),
        }
    }

    /// Whether it stays so until a person does something.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::PermissionDenied,
            Self::Own { source, .. } => source.is_lasting(),
            Self::KeyOpen(_)
            | Self::KeyMissing(_)
            | Self::Unusable { .. }
            | Self::TooLarge(_)
            | Self::Mismatch(_) => true,
            Self::Make(_) => false,
        }
    }

    /// The same of the relay's own pair.
    #[must_use]
    pub fn of_own(self, data: &DataDir) -> Self {
        match self {
            Self::Unusable { .. } | Self::TooLarge(_) | Self::Mismatch(_) => Self::Own {
                certificate: data.certificate(),
                key: data.key(),
                source: Box::new(self),
            },
            Self::File { .. }
            | Self::KeyOpen(_)
            | Self::KeyMissing(_)
            | Self::Own { .. }
            | Self::Make(_) => self,
        }
    }
}

/// The certificate of the data directory, made for `names` if there is none yet. It stays the same on later starts, since agents pin it.
///
/// # Errors
/// See [`TlsError`].
pub fn kept(data: &DataDir, names: Vec<String>) -> Result<Identity, TlsError> {
    let (cert_path, key_path) = (data.certificate(), data.key());
    match (cert_path.exists(), key_path.exists()) {
        (true, true) => {}
        (true, false) => return Err(TlsError::KeyMissing(key_path)),
        (false, exists) => {
            make(&cert_path, &key_path, exists, names).map_err(|error| error.of_own(data))?;
        }
    }
    load(&cert_path, &key_path, true).map_err(|error| error.of_own(data))
}

/// A certificate from somewhere else.
///
/// # Errors
/// See [`TlsError`].
pub fn given(cert: &Path, key: &Path) -> Result<Identity, TlsError> {
    load(cert, key, false)
}

fn make(
    cert_path: &Path,
    key_path: &Path,
    key_exists: bool,
    names: Vec<String>,
) -> Result<(), TlsError> {
    let key = if key_exists {
        // A start that was cut short between the two files.
        refuse_open(key_path)?;
        let pem = read(key_path)?;
        let pem = std::str::from_utf8(&pem).unwrap_or_default();
        KeyPair::from_pem(pem).map_err(|error| TlsError::Unusable {
            path: key_path.to_owned(),
            what: "key",
            reason: error.to_string(),
        })?
    } else {
        let key = KeyPair::generate()?;
        write_new(key_path, 0o600, &Zeroizing::new(key.serialize_pem()))?;
        key
    };
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Lanyard relay");
    let certificate = params.self_signed(&key)?;
    write_new(cert_path, 0o644, &certificate.pem())
}

fn load(cert_path: &Path, key_path: &Path, self_signed: bool) -> Result<Identity, TlsError> {
    refuse_open(key_path)?;
    let unusable = |path: &Path, what, reason: String| TlsError::Unusable {
        path: path.to_owned(),
        what,
        reason,
    };
    let chain = read(cert_path)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(cert_path, "certificate", error.to_string()))?;
    let leaf = chain
        .first()
        .ok_or_else(|| unusable(cert_path, "certificate", "it is empty".to_owned()))?;
    let digest = ring::digest::digest(&ring::digest::SHA256, leaf);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest.as_ref());
    let ends = ends(leaf).map_err(|reason| unusable(cert_path, "certificate", reason))?;
    let key = read(key_path)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| unusable(key_path, "key", error.to_string()))?;
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Links last for days: resumption would save little and keep secrets around.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Identity {
        config: Arc::new(config),
        fingerprint,
        ends,
        self_signed,
    })
}

/// Keys are read the same way, so what was read leaves memory when it has been understood.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    // A pipe would keep its reader waiting.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(at(path))?;
    let metadata = file.metadata().map_err(at(path))?;
    if !metadata.is_file() {
        return Err(TlsError::Unusable {
            path: path.to_owned(),
            what: "certificate or key",
            reason: "it is not a file".to_owned(),
        });
    }
    // Whole at once: a buffer that grows would leave copies of a key behind.
    let length = metadata.len();
    let room = usize::try_from(length.min(TLS_FILE_MAX)).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(TLS_FILE_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(at(path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= TLS_FILE_MAX) {
        Ok(bytes)
    } else {
        Err(TlsError::TooLarge(path.to_owned()))
    }
}

/// When a certificate ends.
fn ends(certificate: &[u8]) -> Result<UnixMs, String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|error| format!("it cannot be read: {error}"))?;
    let seconds = parsed.validity().not_after.timestamp();
    Ok(UnixMs::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

fn refuse_open(key_path: &Path) -> Result<(), TlsError> {
    let mode = std::fs::metadata(key_path)
        .map_err(at(key_path))?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(TlsError::KeyOpen(key_path.to_owned()))
    }
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), TlsError> {
    let fresh = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(at(path))
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> TlsError {
    move |source| TlsError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions};

    fn made() -> (tempfile::TempDir, DataDir, Identity) {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::from(dir.path().to_owned());
        let identity = kept(&data, vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
        (dir, data, identity)
    }

    #[test]
    fn the_certificate_stays_the_same_on_later_starts() {
        let (_dir, data, first) = made();
        let again = kept(&data, vec!["other.example".into()]).unwrap();
        assert_eq!(first.fingerprint, again.fingerprint);
        assert!(again.self_signed);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let (_dir, data, _) = made();
        let mode = std::fs::metadata(data.key()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for mode in [0o640, 0o604] {
            set_permissions(data.key(), Permissions::from_mode(mode)).unwrap();
            assert!(matches!(kept(&data, vec![]), Err(TlsError::KeyOpen(_))));
            assert!(matches!(
                given(&data.certificate(), &data.key()),
                Err(TlsError::KeyOpen(_))
            ));
        }
    }

    #[test]
    fn a_lost_key_is_not_replaced_in_silence() {
        let (_dir, data, _) = made();
        std::fs::remove_file(data.key()).unwrap();
        assert!(matches!(kept(&data, vec![]), Err(TlsError::KeyMissing(_))));
    }

    #[test]
    fn a_start_that_was_cut_short_is_finished() {
        let (_dir, data, _) = made();
        std::fs::remove_file(data.certificate()).unwrap();
        kept(&data, vec!["localhost".into()]).unwrap();
    }
}
