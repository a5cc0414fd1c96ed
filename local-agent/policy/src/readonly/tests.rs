use super::*;
use crate::corpus::corpus;
use crate::grammar;
use crate::place::Files;
use std::path::{Path, PathBuf};

/// Two links of the corpus lead out; everything else is where it says.
struct Links;

impl Files for Links {
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let path = crate::place::plain(path);
        let out = ["link-outside", ".link-outside", "linkdir"];
        let leads_out = path
            .components()
            .any(|part| out.iter().any(|name| part.as_os_str() == *name));
        Some(if leads_out {
            PathBuf::from("/elsewhere")
        } else {
            path
        })
    }
}

#[test]
fn probe() {
    let place = Place::new(Path::new("/w/project"), &[], &Links);
    let check_line = |cmd: &str| -> Result<(), String> {
        let line = grammar::parse(cmd).map_err(|e| e.to_string())?;
        if !crate::second::agrees(cmd, &line) {
            return Err("second".into());
        }
        let mut place = place.clone();
        for command in line.commands() {
            if command.name == "cd" {
                let to = command
                    .arguments
                    .first()
                    .and_then(Word::literal)
                    .ok_or("cd")?;
                place.enter(&to).map_err(|e| e.to_string())?;
                continue;
            }
            check(command, &place).map_err(|e| e.to_string())?;
        }
        Ok(())
    };
    let mut bad = 0;
    let mut n = 0;
    for entry in corpus("everyday") {
        n += 1;
        if let Err(e) = check_line(&entry.cmd) {
            bad += 1;
            println!("ASKS {}   -- {e}", entry.cmd)
        }
    }
    println!("{bad} of {n}");
    let mut bad = 0;
    for entry in corpus("harmful") {
        if check_line(&entry.cmd).is_ok() {
            bad += 1;
            println!("ALLOWS [{}] {}", entry.class, entry.cmd)
        }
    }
    println!("{bad}");
    panic!();
}

#[test]
fn every_table_is_read() {
    let mut tables = Tables::new();
    for text in TEXTS {
        assert_eq!(table::read(text, &mut tables), Ok(()));
    }
    assert!(tables.len() > 100, "{}", tables.len());
}
