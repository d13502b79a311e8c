use stepwell_core::execution::Event;

use super::*;

fn attempt(attempt: u32) -> AttemptId {
    AttemptId { step_run: 0.into(), attempt }
}

fn event(seq: u64) -> RecordedEvent {
    RecordedEvent { seq, at: Timestamp::default(), event: Event::Started }
}

fn read(feed: &Feed, seq: u64, pieces: u64, limit: usize) -> (Vec<u64>, Vec<u64>, bool) {
    let FeedDelta { events, deltas, missed } = feed.after(seq, pieces, limit);
    let numbers = deltas.iter().map(|d| d.number).collect();
    (events.iter().map(|e| e.seq).collect(), numbers, missed)
}

#[test]
fn pieces_have_their_position_between_events() {
    let feed = Feed::new(Arc::default());
    feed.show_piece(Timestamp::default(), &attempt(1), "no reader");
    let _subscriber = feed.subscribe();
    feed.show(&[event(1), event(2)]);
    for text in ["a", "b", "", "c"] {
        feed.show_piece(Timestamp::default(), &attempt(1), text);
    }
    feed.show(&[event(3)]);
    feed.show_piece(Timestamp::default(), &attempt(1), "d");
    assert_eq!(read(&feed, 0, 0, 9), (vec![1, 2, 3], vec![0, 1, 2, 3], false));
    assert_eq!(read(&feed, 0, 0, 1), (vec![1], vec![], false));
    assert_eq!(read(&feed, 1, 0, 2), (vec![2], vec![0, 1], false));
    assert_eq!(read(&feed, 2, 3, 2), (vec![3], vec![3], false));
}

#[test]
fn a_text_in_very_many_pieces_is_complete() {
    let feed = Feed::new(Arc::default());
    let _subscriber = feed.subscribe();
    let (mut text, mut read) = (String::new(), (String::new(), 0));
    let mut take = |limit: usize| {
        let delta = feed.after(0, read.1, limit);
        assert!(!delta.missed);
        for delta in &delta.deltas {
            assert_eq!(delta.number, read.1, "no piece is missing");
            read.1 += 1;
            read.0.push_str(&delta.text);
        }
        read.0.len()
    };
    for piece in 0..200_000 {
        let piece = format!("{piece} ");
        feed.show_piece(Timestamp::default(), &attempt(1), &piece);
        text.push_str(&piece);
        // A piece that was read does not grow: the next text is a new piece.
        if piece.ends_with("00000 ") {
            take(usize::MAX);
            assert_eq!(take(usize::MAX), text.len());
        }
    }
    // The text of another attempt is separate.
    feed.show_piece(Timestamp::default(), &attempt(2), "again");
    assert_eq!(take(usize::MAX), text.len() + "again".len());
    assert_eq!(read.0, text + "again");
    assert!(read.1 < 100_000, "{} pieces", read.1);
}

#[test]
fn the_buffer_is_bounded() {
    let feed = Feed::new(Arc::default());
    let _subscriber = feed.subscribe();
    let text = "x".repeat(BUFFER_BYTES / 4);
    for _ in 0..5 {
        feed.show_piece(Timestamp::default(), &attempt(1), &text);
    }
    assert_eq!(feed.first_piece(), 2);
    assert_eq!(read(&feed, 0, 0, 9), (vec![], vec![2, 3, 4], true));
    assert_eq!(read(&feed, 0, 2, 9), (vec![], vec![2, 3, 4], false));
}
