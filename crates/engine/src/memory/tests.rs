use std::time::Duration;

use futures_util::FutureExt;

use super::*;

const MIB: usize = 1 << 20;

fn budget() -> MemoryBudget {
    MemoryBudget::new(100 * MIB)
}

async fn take(budget: &MemoryBudget, mib: usize) -> Reservation {
    budget.reserve(mib * MIB, Duration::ZERO).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_reserved_is_given_back() {
    let budget = budget();
    let mut one = take(&budget, 60).await;
    assert_eq!(budget.used(), 60 * MIB);
    assert!(!one.try_grow_to(101 * MIB + MIB) || one.bytes() == 100 * MIB);
    one.shrink_to(10 * MIB);
    assert_eq!((one.bytes(), budget.used()), (10 * MIB, 10 * MIB));
    one.grow_to(20 * MIB, Duration::ZERO).await.unwrap();
    one.grow_to(5 * MIB, Duration::ZERO).await.unwrap();
    assert_eq!(budget.used(), 20 * MIB);
    let mut other = take(&budget, 5).await;
    other.absorb(one);
    assert_eq!((other.bytes(), budget.used()), (25 * MIB, 25 * MIB));
    drop(other);
    assert_eq!(budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn small_ones_are_not_counted_and_a_large_one_takes_all() {
    let budget = budget();
    assert_eq!(budget.reserve(SMALL - 1, PATIENCE).await.unwrap().bytes(), 0);
    let all = budget.reserve(usize::MAX, PATIENCE).await.unwrap();
    assert_eq!((all.bytes(), budget.used()), (100 * MIB, 100 * MIB));
    let shortage = budget.reserve(SMALL, PATIENCE).await.unwrap_err();
    assert_eq!(shortage, MemoryShortage { bytes: SMALL, limit: 100 * MIB });
    assert!(shortage.to_string().contains("`engine.memory_budget_bytes`"), "{shortage}");
    // What is small waits for nothing.
    assert_eq!(budget.reserve(SMALL - 1, PATIENCE).await.unwrap().bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn those_that_wait_are_served_in_order() {
    let budget = budget();
    let first = take(&budget, 80).await;
    let mut large = Box::pin(budget.reserve(90 * MIB, PATIENCE));
    assert!(large.as_mut().now_or_never().is_none());
    // It would fit, but is behind the large one.
    let mut small = Box::pin(budget.reserve(10 * MIB, PATIENCE));
    assert!(small.as_mut().now_or_never().is_none());
    drop(first);
    let large = large.await.unwrap();
    let small = small.await.unwrap();
    assert_eq!(budget.used(), 100 * MIB);
    drop((large, small));
    assert_eq!(budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_gives_up_makes_way() {
    let budget = budget();
    let _first = take(&budget, 80).await;
    let mut large = Box::pin(budget.reserve(90 * MIB, PATIENCE));
    assert!(large.as_mut().now_or_never().is_none());
    let mut small = Box::pin(budget.reserve(10 * MIB, PATIENCE));
    assert!(small.as_mut().now_or_never().is_none());
    drop(large);
    assert_eq!(small.await.unwrap().bytes(), 10 * MIB);
    assert_eq!(budget.used(), 80 * MIB);
}

#[tokio::test(start_paused = true)]
async fn a_grant_without_a_waiter_is_released() {
    let budget = budget();
    let first = take(&budget, 80).await;
    let mut waiting = Box::pin(budget.reserve(90 * MIB, PATIENCE));
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(first);
    assert_eq!(budget.used(), 90 * MIB);
    drop(waiting);
    assert_eq!(budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_grows_goes_before_what_is_new() {
    let budget = budget();
    let first = take(&budget, 50).await;
    let mut second = take(&budget, 40).await;
    let mut new = Box::pin(budget.reserve(60 * MIB, PATIENCE));
    assert!(new.as_mut().now_or_never().is_none());
    {
        let mut grown = Box::pin(second.grow_to(90 * MIB, PATIENCE));
        assert!(grown.as_mut().now_or_never().is_none());
        drop(first);
        grown.await.unwrap();
    }
    assert!(new.as_mut().now_or_never().is_none());
    drop(second);
    assert_eq!(new.await.unwrap().bytes(), 60 * MIB);
}

#[tokio::test(start_paused = true)]
async fn what_grows_does_not_wait_for_what_grows() {
    let budget = budget();
    let (mut one, mut two) = (take(&budget, 50).await, take(&budget, 50).await);
    let mut grown = Box::pin(one.grow_to(80 * MIB, PATIENCE));
    assert!(grown.as_mut().now_or_never().is_none());
    // Each would wait for what the other has.
    assert!(two.grow_to(80 * MIB, PATIENCE).now_or_never().unwrap().is_err());
    drop(two);
    grown.await.unwrap();
    assert_eq!(budget.used(), 80 * MIB);
}

#[tokio::test(start_paused = true)]
async fn of_growing_reservations_the_largest_is_served_first() {
    let budget = budget();
    let (mut least, mut most) = (take(&budget, 30).await, take(&budget, 70).await);
    let mut waits = Box::pin(least.grow_to(60 * MIB, PATIENCE));
    assert!(waits.as_mut().now_or_never().is_none());
    {
        // It cannot have them while the other holds its own.
        let mut grown = Box::pin(most.grow_to(80 * MIB, PATIENCE));
        assert!(grown.as_mut().now_or_never().is_none());
        assert!(waits.await.is_err());
        drop(least);
        grown.await.unwrap();
    }
    assert_eq!((most.bytes(), budget.used()), (80 * MIB, 80 * MIB));
}

#[tokio::test(start_paused = true)]
async fn memory_in_use_is_counted_beyond_the_limit() {
    let budget = budget();
    let mut one = take(&budget, 90).await;
    one.resize(150 * MIB);
    assert_eq!(budget.used(), 150 * MIB);
    assert!(budget.reserve(MIB, Duration::ZERO).await.is_err());
    let mut waiting = Box::pin(budget.reserve(MIB, PATIENCE));
    assert!(waiting.as_mut().now_or_never().is_none());
    one.resize(10 * MIB);
    assert_eq!(waiting.await.unwrap().bytes(), MIB);
    let held = HeldMemory::default();
    held.absorb(one);
    held.resize(&budget, 30 * MIB);
    assert_eq!(budget.used(), 30 * MIB);
    held.resize(&budget, 0);
    assert_eq!(budget.used(), 0);
}

#[test]
fn the_setting_is_checked() {
    let read = |text: &str| serde_json::from_str::<MemoryLimit>(text);
    assert_eq!(read("16777216").unwrap().bytes(), 16 << 20);
    for wrong in ["0", "16777215", "-1", "1.5", "99999999999999999"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert_eq!(MemoryLimit::default().bytes(), 512 << 20);
}

/// Many tasks that reserve, grow and give back: nothing is lost, and none waits for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_under_contention() {
    let budget = budget();
    let tasks: Vec<_> = (1..=64)
        .map(|n: usize| {
            let budget = budget.clone();
            tokio::spawn(async move {
                let mut done = 0;
                for round in 0..50 {
                    let bytes = (n * 7 + round * 13) % 60 * MIB;
                    let patience = Duration::from_millis((n * round % 5) as u64);
                    let Ok(mut own) = budget.reserve(bytes, patience).await else { continue };
                    assert!(budget.used() <= budget.limit());
                    let _ = own.grow_to(bytes + 20 * MIB, patience).await;
                    tokio::task::yield_now().await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    assert!(done > 0);
    assert_eq!(budget.used(), 0);
}
