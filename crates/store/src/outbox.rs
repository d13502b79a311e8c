//! The fair order of due deliveries.

use std::collections::BTreeSet;

use stepwell_core::ids::{ReceiverId, SubjectId};

use crate::traits::DueDeliveries;

impl DueDeliveries {
    /// The subjects about which a delivery to the receiver is in progress.
    pub fn busy_subjects(&self, receiver: ReceiverId) -> BTreeSet<SubjectId> {
        let of_receiver = self.under_way.iter().filter(|(other, _)| *other == receiver);
        of_receiver.map(|(_, subject)| *subject).collect()
    }

    /// How many more deliveries the receiver may have in progress when so many are.
    pub fn room(&self, busy: usize) -> usize {
        self.share.saturating_sub(busy).min(self.limit)
    }
}

/// Round robin: one delivery of each receiver, then a second of each, and so on, starting with the
/// receiver that follows the one served last. `by_receiver` has the due deliveries of each
/// receiver, the earliest first, in the order of the receivers.
pub fn fair_order<T>(due: &DueDeliveries, by_receiver: Vec<(ReceiverId, Vec<T>)>) -> Vec<T> {
    let served = by_receiver.iter().take_while(|(receiver, _)| Some(*receiver) <= due.after);
    let served = served.count();
    let mut queues: Vec<_> = by_receiver.into_iter().map(|(_, queue)| queue.into_iter()).collect();
    queues.rotate_left(served);
    let mut chosen = Vec::new();
    while !queues.is_empty() && chosen.len() < due.limit {
        queues.retain_mut(|queue| {
            let next = queue.next();
            chosen.extend(next);
            queue.len() > 0
        });
    }
    chosen.truncate(due.limit);
    chosen
}

#[cfg(test)]
mod tests {
    use stepwell_core::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn receivers_alternate_after_the_one_served_last() {
        let receiver = |n| ReceiverId::from_uuid(Uuid::from_u128(n));
        let queues = || {
            vec![
                (receiver(1), vec![10, 11, 12]),
                (receiver(3), vec![30]),
                (receiver(5), vec![50, 51]),
            ]
        };
        for (after, limit, expect) in [
            (None, 9, vec![10, 30, 50, 11, 51, 12]),
            (Some(1), 9, vec![30, 50, 10, 51, 11, 12]),
            (Some(2), 2, vec![30, 50]),
            (Some(5), 4, vec![10, 30, 50, 11]),
            (None, 0, vec![]),
        ] {
            let due = DueDeliveries {
                now: Timestamp::from_micros(0),
                under_way: BTreeSet::new(),
                share: 9,
                after: after.map(receiver),
                limit,
            };
            assert_eq!(fair_order(&due, queues()), expect, "{after:?} {limit}");
        }
    }
}
