//! The vocabulary o200k_base: which byte strings are tokens, and which of two is the older.
//!
//! Both tables are constants of the program, so that only the parts that texts ask for are ever in memory, and
//! nothing is built at the first count. `SAMEWIRE_REWRITE=1 cargo test --lib vocabulary` writes them anew.
//!
//! <https://github.com/openai/tiktoken>

/// Every token in the order of its rank: its length in a byte, then its bytes.
const TABLE: &[u8] = include_bytes!("o200k_base.bin");

/// A hash table of places in [`TABLE`], one more than the place, in four bytes, lowest first; 0 is free. Collisions
/// go to the next slot.
const SLOTS: &[[u8; 4]] = include_bytes!("o200k_base.slots").as_chunks().0;

/// The token's rank, if these bytes are one. Ranks are places in the table: smaller is older.
pub(super) fn rank(bytes: &[u8]) -> Option<u32> {
    let mut slot = slot_of(bytes, SLOTS.len());
    loop {
        let place = u32::from_le_bytes(SLOTS[slot]).checked_sub(1)?;
        if token_at(place as usize) == bytes {
            return Some(place);
        }
        slot = (slot + 1) % SLOTS.len();
    }
}

fn token_at(place: usize) -> &'static [u8] {
    &TABLE[place + 1..place + 1 + usize::from(TABLE[place])]
}

/// FNV-1a, its upper bits folded in: <http://www.isthe.com/chongo/tech/comp/fnv/>
fn slot_of(bytes: &[u8], slots: usize) -> usize {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    (hash ^ (hash >> 32)) as usize % slots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A power of two a third larger than the vocabulary.
    const SIZE: usize = 1 << 18;

    fn table() -> Vec<u8> {
        let tokens = tiktoken_rs::o200k_base_singleton();
        let entry = |rank| {
            let token = tokens.decode_bytes(&[rank]).unwrap();
            std::iter::once(token.len() as u8).chain(token)
        };
        (0..199_998).flat_map(entry).collect()
    }

    fn slots(table: &[u8]) -> Vec<u8> {
        let mut slots = vec![0u32; SIZE];
        let mut place = 0;
        while place < table.len() {
            let token = &table[place + 1..place + 1 + usize::from(table[place])];
            let mut slot = slot_of(token, SIZE);
            while slots[slot] != 0 {
                slot = (slot + 1) % SIZE;
            }
            slots[slot] = place as u32 + 1;
            place += 1 + token.len();
        }
        slots.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn the_tables_are_tiktokens() {
        let table = table();
        let slots = slots(&table);
        if std::env::var_os("SAMEWIRE_REWRITE").is_some() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tokenizer");
            std::fs::write(format!("{folder}/o200k_base.bin"), &table).unwrap();
            std::fs::write(format!("{folder}/o200k_base.slots"), &slots).unwrap();
        } else {
            assert!(TABLE == table, "the tokens differ");
            assert!(SLOTS.as_flattened() == slots, "the hash table differs");
        }
    }
}
