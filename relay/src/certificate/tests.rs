//! Tests of which certificate is served.

use super::*;
use rcgen::{CertificateParams, KeyPair};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

const NOW: UnixMs = UnixMs::from_secs(1_767_225_600);

struct Rig {
    _dir: tempfile::TempDir,
    files: (PathBuf, PathBuf),
    certificate: Certificate,
}

fn pair(year: i32) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 1, 10);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn write(path: &Path, text: &str) {
    // As programs that renew certificates do, so that the inode is another.
    let fresh = path.with_extension("fresh");
    std::fs::write(&fresh, text).unwrap();
    std::fs::set_permissions(&fresh, Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(fresh, path).unwrap();
}

fn rig(year: i32) -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let files = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let (cert, key) = pair(year);
    write(&files.0, &cert);
    write(&files.1, &key);
    let identity = tls::given(&files.0, &files.1).unwrap();
    let certificate = Certificate::new(identity, Some(files.clone()), NOW);
    Rig {
        _dir: dir,
        files,
        certificate,
    }
}

impl Rig {
    fn put(&self, (cert, key): &(String, String)) {
        write(&self.files.0, cert);
        write(&self.files.1, key);
    }

    /// Refused, and what was served before still is.
    fn refused(&self) -> ReloadError {
        let before = self.certificate.served();
        let config = self.certificate.config();
        let error = self.certificate.reload(NOW).unwrap_err();
        assert_eq!(self.certificate.served(), before);
        assert!(Arc::ptr_eq(&config, &self.certificate.config()));
        assert!(!error.hint().is_empty(), "{error}");
        error
    }
}

#[test]
fn a_new_pair_is_served_from_the_instant_it_was_read() {
    let rig = rig(2030);
    let before = rig.certificate.served();
    rig.put(&pair(2031));
    let later = NOW + Duration::from_secs(60);
    let after = rig.certificate.reload(later).unwrap();
    assert!(after.changed && !after.own);
    assert_eq!((before.since, after.since), (NOW, later));
    assert_ne!(before.fingerprint, after.fingerprint);
    assert!(after.ends > before.ends);
    let again = rig
        .certificate
        .reload(later + Duration::from_secs(60))
        .unwrap();
    assert_eq!((again.changed, again.since), (false, later));
}

#[test]
fn a_pair_that_does_not_work_is_refused_whole() {
    let rig = rig(2030);
    let (cert, key) = pair(2031);
    let broken = |what: &str| {
        let error = rig.refused();
        assert!(error.to_string().contains(what), "{error}");
    };
    write(&rig.files.0, &cert);
    broken("do not work together");
    rig.put(&(cert[..cert.len() / 2].to_owned(), key.clone()));
    broken("no usable certificate");
    rig.put(&(cert.clone(), key[..key.len() / 2].to_owned()));
    broken("no usable key");
    rig.put(&(String::new(), key.clone()));
    broken("it is empty");
    rig.put(&(cert.clone(), "x".repeat(2 << 20)));
    broken("too large");
    rig.put(&pair(2020));
    broken("ended on 2020-01-10");
    rig.put(&(cert.clone(), key.clone()));
    std::fs::set_permissions(&rig.files.1, Permissions::from_mode(0o640)).unwrap();
    broken("can be read by other users");
    std::fs::remove_file(&rig.files.1).unwrap();
    broken("cannot use");
    rig.put(&(cert, key));
    assert!(rig.certificate.reload(NOW).unwrap().changed);
}

#[test]
fn changed_files_are_read_once_they_are_at_rest_and_broken_ones_are_told_of_once() {
    let rig = rig(2030);
    let look = || rig.certificate.look(NOW);
    assert!(look().is_none() && look().is_none());
    let (cert, key) = pair(2031);
    write(&rig.files.0, &cert);
    assert!(look().is_none(), "it has only just changed");
    write(&rig.files.1, &key);
    assert!(look().is_none(), "it has changed again");
    assert!(look().unwrap().unwrap().changed);
    assert!(look().is_none());

    std::fs::set_permissions(&rig.files.1, Permissions::from_mode(0o644)).unwrap();
    assert!(look().is_none());
    assert!(look().unwrap().is_err());
    assert!(look().is_none(), "said once");
    std::fs::set_permissions(&rig.files.1, Permissions::from_mode(0o600)).unwrap();
    assert!(look().is_none());
    assert!(look().unwrap().is_ok());
}

#[test]
fn the_relays_own_certificate_is_not_looked_for_elsewhere() {
    let rig = rig(2030);
    let identity = tls::given(&rig.files.0, &rig.files.1).unwrap();
    let own = Certificate::new(identity, None, NOW);
    rig.put(&pair(2031));
    assert!(own.look(NOW).is_none() && own.look(NOW).is_none());
    let served = own.reload(NOW + Duration::from_secs(5)).unwrap();
    assert!(served.own && !served.changed);
    assert_eq!(served.since, NOW);
}

#[test]
fn the_last_fourteen_days_are_warned_about_once_a_day() {
    // Ends on 10 January 2026, nine days after NOW.
    let rig = rig(2026);
    let at = |seconds: u64| Now {
        mono: Mono::from_secs(seconds),
        unix: NOW + Duration::from_secs(seconds),
    };
    let first = rig.certificate.warning(at(0)).unwrap();
    assert!(first.contains("ends on 2026-01-10"), "{first}");
    assert_eq!(rig.certificate.warning(at(3600)), None);
    assert!(rig.certificate.warning(at(86_400)).is_some());
    let over = rig.certificate.warning(at(20 * 86_400)).unwrap();
    assert!(over.contains("ended on 2026-01-10"), "{over}");

    rig.put(&pair(2031));
    rig.certificate.reload(NOW).unwrap();
    assert_eq!(rig.certificate.warning(at(40 * 86_400)), None);
}
