//! What must be true of the files of maps.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stepwell_core::execution::{
    Event, Execution, FileResult, ItemFiles, ItemLine, ReusedOutcome, StepRunId,
    without_file_results,
};

use super::World;

/// The lines of the files by item.
type Lines = BTreeMap<(StepRunId, u32), String>;

impl World {
    /// Each item has one line in its file, also in a rerun, and the output of the map counts them.
    pub(super) fn check_files(&self) {
        let mut files = ItemFiles::new(&self.plan);
        let mut lines = Lines::new();
        for recorded in &self.journal {
            files.read_event(&recorded.event, &mut |found: &FileResult<'_>| {
                let text = ItemLine::new(found.index, &found.result).text();
                let before = lines.insert((found.block.clone(), found.index), text);
                assert_eq!(before, None, "one line for each item");
            });
            match &recorded.event {
                Event::StepCompleted { step, output, .. } => {
                    self.check_file(step, output, &files, &lines);
                }
                Event::Accepted { rerun: Some(rerun), .. } => {
                    for reused in &rerun.steps {
                        if let ReusedOutcome::Completed { output, .. } = &reused.how {
                            self.check_file(&reused.step, output, &files, &lines);
                        }
                    }
                }
                _ => {}
            }
        }
        assert!(files.list().all(|(_, file)| file.is_closed), "none grows after the end");
        self.check_replay_without_results();
    }

    fn check_file(&self, step: &StepRunId, output: &Value, files: &ItemFiles<'_>, lines: &Lines) {
        if !self.plan.writes_file(step.step) {
            return;
        }
        let own: Vec<(u32, &String)> = lines
            .iter()
            .filter(|((block, _), _)| block == step)
            .map(|((_, index), line)| (*index, line))
            .collect();
        let expected = json!({
            "count": own.len(),
            "completed": own.iter().filter(|(_, line)| has_field(line, "output")).count(),
            "failed": own.iter().filter(|(_, line)| has_field(line, "error")).count(),
            "file": step.display_in(&self.plan).to_string(),
            "bytes": own.iter().map(|(_, line)| line.len()).sum::<usize>(),
        });
        assert_eq!(*output, expected, "it counts what is in the file");
        assert!((0..).zip(&own).all(|(index, line)| index == line.0), "no item is missing");
        let file = files.find(step).expect("a file, also of an empty list");
        assert!(file.is_closed, "it is complete");
        assert_eq!(
            json!([file.completed, file.failed, file.bytes]),
            json!([output["completed"], output["failed"], output["bytes"]])
        );
    }

    /// What shows an execution replays its journal without the results that are in files.
    fn check_replay_without_results(&self) {
        let mut shown = Execution::new(self.live.origin.clone());
        let events = without_file_results(&self.plan, &self.journal);
        events.iter().for_each(|event| shown.apply_event(event));
        assert_eq!((shown.status(), &shown.output), (self.live.status(), &self.live.output));
        assert_eq!(shown.steps, self.live.steps, "the steps are the same");
    }
}

fn has_field(line: &str, field: &str) -> bool {
    serde_json::from_str::<Value>(line).unwrap().get(field).is_some()
}
