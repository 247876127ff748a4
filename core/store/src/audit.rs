//! The audit log: who signed in, who failed to, and what was changed from afar. Nothing that anybody said is in it, and no
//! secret.
//!
//! Each row has an authenticator, by the device's key, over itself and the row before. So whoever has the file but not the key
//! can't change a row, take one out or put one in without that being seen. What can't be seen is that the newest rows are
//! missing: for that, something outside of this file would have to know that they were there.

use jiff::Timestamp;
use ring::hmac;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::conversations::moment;
use crate::{PersonId, Store, StoreError};

/// Rows that are kept. The oldest go, and the chain goes on from an anchor in their place.
const MOST: i64 = 10_000;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number. The numbers grow, without gaps.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who did it, if that is known. They may have been erased since.
    pub who: Option<PersonId>,
    /// What.
    pub what: String,
    /// From which address.
    pub address: String,
}

impl Store {
    /// Writes down what was done.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn audit(&self, who: Option<PersonId>, what: &str, address: &str, at: Timestamp) -> Result<(), StoreError> {
        self.append_audit(MOST, (who, what, address), at)
    }

    fn append_audit(
        &self,
        most: i64,
        (who, what, address): (Option<PersonId>, &str, &str),
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = self.audit_key()?;
        self.write_device(|transaction| {
            let (last, before) = end(transaction)?;
            let (what, address) = (what.to_owned(), address.to_owned());
            let row = AuditRow { id: last + 1, at: moment(at.as_millisecond()), who, what, address };
            let tag = tag(&key, &before, &row);
            transaction
                .prepare_cached("INSERT INTO audit (id, at, who, what, address, tag) VALUES (?, ?, ?, ?, ?, ?)")?
                .execute(params![row.id, at.as_millisecond(), who.map(|who| who.0), row.what, row.address, tag])?;
            prune(transaction, &key, row.id - most)
        })
    }

    /// What was done, the newest first: at most `limit` rows, and only those before the one with the number `before`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn audit_rows(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        self.require_root()?;
        let connection = self.device();
        let mut rows = connection
            .prepare_cached("SELECT id, at, who, what, address FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?")?;
        let rows = rows.query_map(params![before.unwrap_or(i64::MAX), limit], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Looks whether the chain holds. Gives the number of the first row that is not as it was written, or whose predecessor
    /// is not there; of nothing where all is well.
    ///
    /// # Errors
    /// This is not the owner's store, or see [`StoreError`].
    pub fn check_audit(&self) -> Result<Option<i64>, StoreError> {
        let key = self.audit_key()?;
        let connection = self.device();
        let (mut last, mut before) = match anchor(&connection)? {
            Some(Anchor { id, tag, proof }) if hmac::verify(&key, &anchor_text(id, &tag), &proof).is_ok() => (id, tag),
            Some(Anchor { id, .. }) => return Ok(Some(id)),
            None => (0, Vec::new()),
        };
        let mut rows = connection.prepare("SELECT id, at, who, what, address, tag FROM audit ORDER BY id")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (written, expected): (AuditRow, Vec<u8>) = (read(row)?, row.get(5)?);
            let is_next = written.id == last + 1;
            if !is_next || hmac::verify(&key, &text(&before, &written), &expected).is_err() {
                return Ok(Some(written.id));
            }
            (last, before) = (written.id, expected);
        }
        Ok(None)
    }

    fn audit_key(&self) -> Result<hmac::Key, StoreError> {
        self.key_for(b"audit log of pipit")
    }
}

/// Forgets everything: nobody can check any more what another key has written.
pub(crate) fn forget(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("DELETE FROM audit; DELETE FROM audit_anchor;")?;
    Ok(())
}

/// The number and the authenticator of the last row, or of the anchor.
fn end(connection: &Connection) -> Result<(i64, Vec<u8>), StoreError> {
    let last = "SELECT id, tag FROM audit ORDER BY id DESC LIMIT 1";
    let last = connection.prepare_cached(last)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    if let Some(last) = last {
        return Ok(last);
    }
    Ok(anchor(connection)?.map_or((0, Vec::new()), |anchor| (anchor.id, anchor.tag)))
}

/// The last row that is gone.
struct Anchor {
    id: i64,
    tag: Vec<u8>,
    /// An authenticator of both.
    proof: Vec<u8>,
}

fn anchor(connection: &Connection) -> Result<Option<Anchor>, StoreError> {
    let mut anchor = connection.prepare_cached("SELECT id, tag, proof FROM audit_anchor")?;
    let read = |row: &Row<'_>| Ok(Anchor { id: row.get(0)?, tag: row.get(1)?, proof: row.get(2)? });
    Ok(anchor.query_row([], read).optional()?)
}

/// Deletes the rows up to `last_gone`, if there is such a row, and keeps what the next is chained to.
fn prune(connection: &Connection, key: &hmac::Key, last_gone: i64) -> Result<(), StoreError> {
    let find = "SELECT tag FROM audit WHERE id = ?";
    let tag = connection.prepare_cached(find)?.query_row([last_gone], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    let Some(tag) = tag else { return Ok(()) };
    let proof = hmac::sign(key, &anchor_text(last_gone, &tag));
    connection
        .prepare_cached("INSERT OR REPLACE INTO audit_anchor (only, id, tag, proof) VALUES (1, ?, ?, ?)")?
        .execute(params![last_gone, tag, proof.as_ref()])?;
    connection.prepare_cached("DELETE FROM audit WHERE id <= ?")?.execute([last_gone])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    let who = row.get::<_, Option<[u8; 16]>>(2)?.map(PersonId);
    Ok(AuditRow { id: row.get(0)?, at: moment(row.get(1)?), who, what: row.get(3)?, address: row.get(4)? })
}

fn tag(key: &hmac::Key, before: &[u8], row: &AuditRow) -> Vec<u8> {
    hmac::sign(key, &text(before, row)).as_ref().to_vec()
}

/// What is authenticated. Every part has its length before it, so that no two rows are written alike.
fn text(before: &[u8], row: &AuditRow) -> Vec<u8> {
    let who = row.who.map_or(Vec::new(), |who| who.0.to_vec());
    let (id, at) = (row.id.to_le_bytes(), row.at.as_millisecond().to_le_bytes());
    parts(&[b"row", before, &id, &at, &who, row.what.as_bytes(), row.address.as_bytes()])
}

fn anchor_text(id: i64, tag: &[u8]) -> Vec<u8> {
    parts(&[b"anchor", &id.to_le_bytes(), tag])
}

fn parts(parts: &[&[u8]]) -> Vec<u8> {
    let with_length = |part: &&[u8]| [&(part.len() as u64).to_le_bytes()[..], part].concat();
    parts.iter().flat_map(with_length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_the_oldest_and_its_chain_still_holds() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("pipit.db")).unwrap();
        for _ in 0..12 {
            store.append_audit(10, (None, "deed", "192.168.1.9"), Timestamp::UNIX_EPOCH).unwrap();
        }
        let ids = |store: &Store| store.audit_rows(None, 99).unwrap().iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(&store), (3..=12).rev().collect::<Vec<_>>());
        assert_eq!(store.check_audit().unwrap(), None);
        store.device().execute("DELETE FROM audit WHERE id = 3", []).unwrap();
        assert_eq!(store.check_audit().unwrap(), Some(4));
        store.device().execute("DELETE FROM audit", []).unwrap();
        store.append_audit(10, (None, "deed", "192.168.1.9"), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(ids(&store), [3], "it goes on from the anchor");
    }
}
