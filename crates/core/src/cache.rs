//! Caches that are bounded in bytes.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

/// What an entry takes beside its key and value: its slot and its place in the hash table.
const ENTRY_BYTES: u64 = 64;

/// How much a pool of memory holds and may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUsage {
    /// The pool's name, a label of the metrics.
    pub name: &'static str,
    /// Bytes in use, as the pool estimates them.
    pub used: u64,
    /// The most bytes that the pool holds.
    pub limit: u64,
    /// How its look-ups ended; `None`: it is no cache.
    pub lookups: Option<CacheLookups>,
}

impl PoolUsage {
    /// The usage of a pool that is no cache.
    pub const fn new(name: &'static str, used: u64, limit: u64) -> Self {
        Self { name, used, limit, lookups: None }
    }
}

/// How often a value was looked up in a cache since it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLookups {
    /// Look-ups that found it.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
}

/// A concurrent cache with a bound in bytes. Entries state their size when they are inserted; the
/// least useful ones (Clock-PRO) are evicted to make room. An entry that is larger than the whole
/// cache is not kept.
///
/// Values are cloned when they are read, so they are usually an `Arc`.
#[derive(Debug)]
pub struct ByteCache<K, V> {
    name: &'static str,
    limit: u64,
    entries: CacheEntries<K, V>,
    hits: AtomicU64,
    misses: AtomicU64,
}

type CacheEntries<K, V> =
    Cache<K, CacheEntry<V>, StatedSize, DefaultHashBuilder, DefaultLifecycle<K, CacheEntry<V>>>;

#[derive(Debug, Clone)]
struct CacheEntry<V> {
    value: V,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct StatedSize;

impl<K, V> Weighter<K, CacheEntry<V>> for StatedSize {
    fn weight(&self, _: &K, entry: &CacheEntry<V>) -> u64 {
        entry.bytes
    }
}

impl<K: Hash + Eq + Clone, V: Clone> ByteCache<K, V> {
    /// A cache of at most `limit` bytes, for entries of about `typical_entry` bytes.
    pub fn new(name: &'static str, limit: u64, typical_entry: u64) -> Self {
        Self::with_shards(name, limit, typical_entry, 1)
    }

    /// A cache of `shards` independent parts (a power of two) of the same size: threads that look
    /// up different keys do not share a lock. The largest entry is one that fits one part.
    pub fn with_shards(name: &'static str, limit: u64, typical_entry: u64, shards: usize) -> Self {
        let typical = limit / typical_entry.max(1);
        let options = OptionsBuilder::new()
            .shards(shards)
            .weight_capacity(limit)
            .estimated_items_capacity(usize::try_from(typical).unwrap_or(usize::MAX))
            .build();
        #[expect(clippy::expect_used, reason = "it fails only where one of the two is missing")]
        let options = options.expect("both capacities are given");
        let entries = Cache::with_options(
            options,
            StatedSize,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        Self { name, limit, entries, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The value of the key, if it is cached.
    pub fn get(&self, key: &K) -> Option<V> {
        let found = self.entries.get(key);
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        found.map(|entry| entry.value)
    }

    /// Caches a value of so many bytes, key included, in place of an earlier one.
    pub fn insert(&self, key: K, value: V, bytes: u64) {
        self.entries.insert(key, Self::cache_entry(value, bytes));
    }

    /// The value of the key; where it is not cached, the one that `load` gives together with its
    /// size in bytes. Concurrent calls for the same key load it once: the others wait. Where
    /// loading fails or is cancelled, the next caller in line loads it.
    ///
    /// # Errors
    /// As `load`.
    pub async fn get_or_load<E>(
        &self,
        key: &K,
        load: impl Future<Output = Result<(V, u64), E>>,
    ) -> Result<V, E> {
        if let Some(found) = self.get(key) {
            return Ok(found);
        }
        match self.entries.get_value_or_guard_async(key).await {
            Ok(entry) => Ok(entry.value),
            Err(guard) => {
                let (value, bytes) = load.await?;
                // Refused only where the entry was removed meanwhile: then it is not cached.
                let _ = guard.insert(Self::cache_entry(value.clone(), bytes));
                Ok(value)
            }
        }
    }

    fn cache_entry(value: V, bytes: u64) -> CacheEntry<V> {
        CacheEntry { value, bytes: bytes.saturating_add(ENTRY_BYTES) }
    }

    /// Removes the value of the key.
    pub fn remove(&self, key: &K) {
        self.entries.remove(key);
    }

    /// Removes all entries.
    pub fn clear(&self) {
        self.entries.clear();
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the entries take and may take, and how the look-ups ended.
    pub fn pool_usage(&self) -> PoolUsage {
        let lookups = CacheLookups {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        };
        let used = self.entries.weight();
        PoolUsage { lookups: Some(lookups), ..PoolUsage::new(self.name, used, self.limit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bytes() {
        let cache = ByteCache::new("test", 100_000, 1_000);
        for key in 0..10_000_u32 {
            cache.insert(key, key, u64::from(key % 3_000));
            let usage = cache.pool_usage();
            assert!(usage.used <= usage.limit, "{usage:?}");
        }
        assert!(cache.len() > 10);
        cache.clear();
        let usage = cache.pool_usage();
        assert_eq!((usage.name, usage.used, usage.limit), ("test", 0, 100_000));
    }

    #[test]
    fn lookups_are_counted_once_each() {
        let cache = ByteCache::new("test", 100_000, 1_000);
        let lookups = || {
            let CacheLookups { hits, misses } = cache.pool_usage().lookups.unwrap();
            (hits, misses)
        };
        assert_eq!(lookups(), (0, 0));
        assert_eq!(cache.get(&1), None);
        cache.insert(1, "one", 10);
        assert_eq!(cache.get(&1), Some("one"));
        assert_eq!(lookups(), (1, 1));
        let load = |value| cache.get_or_load(&2, async move { Ok::<_, ()>((value, 10)) });
        assert_eq!(result_of(load("two")), Ok("two"));
        assert_eq!(lookups(), (1, 2));
        assert_eq!(result_of(load("other")), Ok("two"));
        assert_eq!(lookups(), (2, 2));
    }

    /// The result of a future that waits for nothing.
    fn result_of<T>(future: impl Future<Output = T>) -> T {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn an_entry_larger_than_the_cache_is_not_kept() {
        let cache = ByteCache::new("test", 100_000, 1_000);
        cache.insert(1, "small", 10);
        cache.insert(2, "large", 200_000);
        assert_eq!((cache.get(&1), cache.get(&2)), (Some("small"), None));
        // Nor does it leave an old value behind.
        cache.insert(1, "large", 200_000);
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.pool_usage().used, 0);
    }
}
