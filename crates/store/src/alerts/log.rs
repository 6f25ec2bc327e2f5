//! The log itself: files, and what is known of each alert.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auditward_base::disk::{Disk, DiskFile};
use auditward_event::MicroTime;
use serde_json::value::RawValue;

use super::line::{self, Head, Line};
use super::{
    ALERT_BYTES_MAX, AlertConfig, AlertError, AlertFilter, AlertPage, AlertStatus, AlertsRecovered,
    HISTORY_MAX, NOTE_BYTES_MAX, NewAlert, StoredAlert, Triage, TriageState, VERSION, state_after,
};
use crate::store::Damage;

/// A file has what its last append was too large for, at most.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// No line of an alert is shorter.
const LINE_BYTES_MIN: u64 = 64;

/// See the module above. Clones are the same log.
#[derive(Clone)]
pub struct AlertLog {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Arc<dyn Disk>,
    config: AlertConfig,
    state: Mutex<State>,
}

struct State {
    /// By number.
    alerts: BTreeMap<u64, Known>,
    ids: HashMap<String, u64>,
    /// By the first number that may be in it; the last one is appended to.
    files: BTreeMap<u64, File>,
    /// The last of them, if it may be appended to.
    open: Option<Arc<dyn DiskFile>>,
    /// Whether a failed append may have left something behind the good end of `open`.
    is_torn: bool,
    /// Whether all lines of the last file were read.
    is_whole: bool,
    /// Whether the last file has not been written anew since the log was opened: see [`AlertLog::settle`].
    is_doubtful: bool,
    next: u64,
    /// Names of rules, severities and clusters, each kept once.
    names: HashSet<Arc<str>>,
}

struct Known {
    id: String,
    time: MicroTime,
    rule: Arc<str>,
    severity: Arc<str>,
    cluster: Arc<str>,
    /// What was done about it, the last [`HISTORY_MAX`] times.
    history: Vec<Triage>,
    /// The file, and where its line is in there.
    file: u64,
    at: u64,
    bytes: usize,
}

impl Known {
    fn state(&self) -> TriageState {
        state_after(&self.history)
    }
}

#[derive(Clone, Copy, Default)]
struct File {
    bytes: u64,
    /// Alerts that are in it.
    alerts: usize,
    /// When the latest of them happened.
    newest: Option<MicroTime>,
}

impl AlertLog {
    /// Opens the log of a folder, or begins one. Nobody else may have it open.
    pub fn open(disk: Arc<dyn Disk>, config: AlertConfig) -> Result<(AlertLog, AlertsRecovered), AlertError> {
        let folder = config.folder.clone();
        let failed = |source| AlertError::Io { path: folder.clone(), source };
        disk.create_folder(&folder).map_err(failed)?;
        // What is seen may have been written by a process that did not live to sync it.
        disk.sync_folder(&folder).map_err(failed)?;
        let found = disk.list(&folder).map_err(failed)?;
        let firsts: Vec<u64> = found.iter().filter_map(|file| first_of(&file.name)).collect();
        let mut recovered = AlertsRecovered::default();
        let mut state = State::default();
        for first in &firsts {
            let path = config.folder.join(file_name(*first));
            state.read(&*disk, path, *first, firsts.last() == Some(first), &mut recovered)?;
        }
        recovered.alerts = state.alerts.len();
        recovered.next = state.next;
        let log = AlertLog { inner: Arc::new(Inner { disk, config, state: Mutex::new(state) }) };
        // A full disk is no reason not to show what is there: what is appended tries again.
        _ = log.settle(&mut log.state());
        Ok((log, recovered))
    }

    /// Appends those alerts whose id is not there yet. The number of each, in their order; when the call returns, all of them
    /// survive a loss of power.
    pub fn append(&self, alerts: &[NewAlert<'_>]) -> Result<Vec<u64>, AlertError> {
        let mut state = self.state();
        // What is known already is told as safe, too.
        self.settle(&mut state)?;
        let mut lines = Lines::default();
        let mut numbers = Vec::with_capacity(alerts.len());
        let mut next = state.next;
        let mut new: HashMap<&str, u64> = HashMap::new();
        for alert in alerts {
            if let Some(number) = state.ids.get(alert.id).or_else(|| new.get(alert.id)) {
                numbers.push(*number);
                continue;
            }
            let malformed = || AlertError::Malformed { id: alert.id.to_owned() };
            if alert.json.len() > ALERT_BYTES_MAX || alert.json.contains('\n') {
                return Err(malformed());
            }
            let json: Box<RawValue> = serde_json::from_str(alert.json).map_err(|_| malformed())?;
            let line = line::Alert {
                seq: next,
                id: alert.id.to_owned(),
                time: alert.time.as_micros(),
                rule: alert.rule.to_owned(),
                severity: alert.severity.to_owned(),
                cluster: alert.cluster.to_owned(),
                json,
            };
            lines.add(Line::Alert(line)).map_err(|_| malformed())?;
            new.insert(alert.id, next);
            numbers.push(next);
            next += 1;
        }
        drop(new);
        self.write(&mut state, lines, next)?;
        Ok(numbers)
    }

    /// Notes what was done about an alert.
    pub fn triage(&self, id: &str, triage: &Triage) -> Result<StoredAlert, AlertError> {
        if triage.note.len() > NOTE_BYTES_MAX || triage.by.len() > NOTE_BYTES_MAX {
            return Err(AlertError::LongNote { bytes: triage.note.len().max(triage.by.len()) });
        }
        let unknown = || AlertError::Unknown { id: id.to_owned() };
        let mut state = self.state();
        self.settle(&mut state)?;
        let seq = *state.ids.get(id).ok_or_else(unknown)?;
        // Before it is written: an error says that it was not.
        let found = state.alerts.get(&seq).map(|known| self.load(seq, known)).ok_or_else(unknown)?;
        let mut found = found?.ok_or_else(unknown)?;
        let line = line::Triage {
            seq,
            state: triage.state,
            note: triage.note.clone(),
            by: triage.by.clone(),
            at: triage.at.unwrap_or(MicroTime::from_micros(0)).as_micros(),
        };
        let mut lines = Lines::default();
        lines.add(Line::Triage(line)).map_err(|_| unknown())?;
        let next = state.next;
        self.write(&mut state, lines, next)?;
        if let Some(known) = state.alerts.get(&seq) {
            found.history.clone_from(&known.history);
        }
        Ok(found)
    }

    /// The alert of an id, if it is kept.
    pub fn get(&self, id: &str) -> Result<Option<StoredAlert>, AlertError> {
        let state = self.state();
        let found = state.ids.get(id).and_then(|seq| Some((*seq, state.alerts.get(seq)?)));
        found.map_or(Ok(None), |(seq, known)| self.load(seq, known))
    }

    /// The alerts after a number, in order: what came since somebody looked last.
    pub fn after(&self, seq: u64, max: usize) -> Result<Vec<StoredAlert>, AlertError> {
        let state = self.state();
        let Some(first) = seq.checked_add(1) else { return Ok(Vec::new()) };
        let found = state.alerts.range(first..).take(max);
        // A line that has been damaged since it was read is passed over.
        found.filter_map(|(seq, known)| self.load(*seq, known).transpose()).collect()
    }

    /// Some alerts, the newest first, of those before a number.
    pub fn page(
        &self,
        filter: &AlertFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AlertPage, AlertError> {
        let state = self.state();
        let mut page = AlertPage::default();
        for (seq, known) in state.alerts.range(..before.unwrap_or(u64::MAX)).rev() {
            if !filter.takes(known) {
                continue;
            }
            if page.alerts.len() >= limit {
                page.next = page.alerts.last().map(|alert| alert.seq);
                break;
            }
            page.alerts.extend(self.load(*seq, known)?);
        }
        Ok(page)
    }

    /// How many alerts a filter takes.
    pub fn count(&self, filter: &AlertFilter) -> usize {
        self.state().alerts.values().filter(|known| filter.takes(known)).count()
    }

    /// How many there are.
    pub fn status(&self) -> AlertStatus {
        let state = self.state();
        AlertStatus {
            alerts: state.alerts.len(),
            open: state.alerts.values().filter(|known| known.state() == TriageState::Open).count(),
            last: state.next - 1,
            files: state.files.len(),
            bytes: state.files.values().map(|file| file.bytes).sum(),
        }
    }

    /// Removes the oldest files while all their alerts are too old, or there are too many without them. How many alerts went.
    ///
    /// Alerts with the number `needed` and later ones stay, since somebody has still to be told of them; but there are never
    /// more than [`AlertConfig::held_max`] for that.
    pub fn retain(&self, now: MicroTime, needed: u64) -> Result<usize, AlertError> {
        let mut state = self.state();
        let mut removed = 0;
        loop {
            let mut firsts = state.files.iter().map(|(first, file)| (*first, *file));
            // The last file is written to.
            let (Some((first, file)), Some((next, _))) = (firsts.next(), firsts.next()) else { break };
            let old = self.inner.config.age.is_some_and(|age| {
                let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
                file.newest.is_none_or(|newest| now.as_micros().saturating_sub(newest.as_micros()) > age)
            });
            let without = state.alerts.len() - file.alerts.min(state.alerts.len());
            let goes = if next > needed {
                without >= self.inner.config.held_max()
            } else {
                old || without >= self.inner.config.alerts_max
            };
            if !goes {
                break;
            }
            let path = self.path(first);
            let failed = |source| AlertError::Io { path: path.clone(), source };
            let disk = &self.inner.disk;
            // A removal that failed may have been done, now or the last time.
            let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
            if let Err(error) = disk.remove(&path)
                && !is_gone(&error)
                && !disk.open(&path).is_err_and(|error| is_gone(&error))
            {
                return Err(failed(error));
            }
            state.files.remove(&first);
            let gone: Vec<u64> =
                state.alerts.iter().filter(|(_, known)| known.file == first).map(|(seq, _)| *seq).collect();
            for seq in gone {
                if let Some(known) = state.alerts.remove(&seq) {
                    state.ids.remove(&known.id);
                    removed += 1;
                }
            }
            // One after the other, so that what was done about an alert never goes before the alert.
            disk.sync_folder(&self.inner.config.folder).map_err(failed)?;
        }
        Ok(removed)
    }

    /// Appends lines, and only when they are safe notes what they say.
    fn write(&self, state: &mut State, lines: Lines, next: u64) -> Result<(), AlertError> {
        if lines.all.is_empty() {
            return Ok(());
        }
        self.mend(state)?;
        let full =
            state.files.last_key_value().is_some_and(|(_, file)| file.bytes >= self.inner.config.file_bytes);
        if state.open.is_none() || full {
            self.begin(state)?;
        }
        let Some(file) = state.open.clone() else { return Ok(()) };
        let Some((first, bytes)) = state.files.last_key_value().map(|(first, file)| (*first, file.bytes))
        else {
            return Ok(());
        };
        if let Err(source) = file.append(&[&lines.text]).and_then(|()| file.sync()) {
            // Nobody knows what of it is there.
            state.is_torn = true;
            _ = self.mend(state);
            return Err(AlertError::Io { path: self.path(first), source });
        }
        for (line, at, length) in lines.all {
            state.note(line, first, bytes + at as u64, length);
        }
        if let Some(known) = state.files.get_mut(&first) {
            known.bytes = bytes + lines.text.len() as u64;
        }
        state.next = next.max(state.next);
        Ok(())
    }

    /// Cuts off what a failed append may have left. Nothing is written before that is done, so no line of a call that failed
    /// comes back behind one that came later, and only the last file is ever in doubt.
    fn mend(&self, state: &mut State) -> Result<(), AlertError> {
        let last = state.files.last_key_value().map(|(first, file)| (*first, file.bytes));
        let (true, Some(file), Some((first, bytes))) = (state.is_torn, &state.open, last) else {
            return Ok(());
        };
        let cut = file.truncate(bytes).and_then(|()| file.sync());
        cut.map_err(|source| AlertError::Io { path: self.path(first), source })?;
        state.is_torn = false;
        Ok(())
    }

    /// Writes the last file that was found anew, as a whole. The process that wrote its last lines may not have lived to see
    /// them synced, or have seen that fail: then they look fine until the power goes, and no later sync mends that.
    fn settle(&self, state: &mut State) -> Result<(), AlertError> {
        let last = state.files.last_key_value().map(|(first, file)| (*first, file.bytes));
        let (true, Some((first, bytes))) = (state.is_doubtful, last) else { return Ok(()) };
        let path = self.path(first);
        let failed = |source| AlertError::Io { path: path.clone(), source };
        let disk = &self.inner.disk;
        let text = disk.read(&path, FILE_BYTES_MAX).map_err(failed)?;
        let good = usize::try_from(bytes).ok().and_then(|good| text.get(..good));
        let good = good.ok_or_else(|| failed(io::ErrorKind::UnexpectedEof.into()))?;
        disk.replace(&path, &[good]).map_err(failed)?;
        // Behind a damaged line nothing is appended, and a file without a head is none to append to.
        if state.is_whole {
            state.open = Some(disk.open(&path).map_err(failed)?);
        }
        state.is_doubtful = false;
        Ok(())
    }

    /// Begins the next file.
    fn begin(&self, state: &mut State) -> Result<(), AlertError> {
        let first = state.next.max(state.files.last_key_value().map_or(0, |(first, _)| first + 1));
        let path = self.path(first);
        let failed = |source| AlertError::Io { path: path.clone(), source };
        let head = Line::Head(Head { version: VERSION, first });
        let mut text = Vec::new();
        line::write(&head, &mut text).map_err(|error| failed(error.into()))?;
        // Whole or not at all, so that a file without a head is a damaged one.
        self.inner.disk.replace(&path, &[&text]).map_err(failed)?;
        let file = self.inner.disk.open(&path).map_err(failed)?;
        state.files.insert(first, File { bytes: text.len() as u64, ..File::default() });
        state.next = state.next.max(first);
        state.open = Some(file);
        Ok(())
    }

    /// `None` if its line is not what it was.
    fn load(&self, seq: u64, known: &Known) -> Result<Option<StoredAlert>, AlertError> {
        let path = self.path(known.file);
        let failed = |source| AlertError::Io { path: path.clone(), source };
        let file = self.inner.disk.open(&path).map_err(failed)?;
        let mut text = vec![0; known.bytes];
        let read = file.read_at(known.at, &mut text).map_err(failed)?;
        let text = text.get(..read).and_then(|text| line::checked(text.trim_ascii_end()));
        let Some(Ok(Line::Alert(alert))) = text.map(serde_json::from_slice) else { return Ok(None) };
        Ok(Some(StoredAlert {
            seq,
            id: alert.id,
            time: known.time,
            rule: alert.rule,
            severity: alert.severity,
            cluster: alert.cluster,
            history: known.history.clone(),
            json: alert.json.get().to_owned(),
        }))
    }

    fn path(&self, first: u64) -> PathBuf {
        self.inner.config.folder.join(file_name(first))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is done under the lock that could leave it half changed.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes in what a file says.
    fn read(
        &mut self,
        disk: &dyn Disk,
        path: PathBuf,
        first: u64,
        last: bool,
        recovered: &mut AlertsRecovered,
    ) -> Result<(), AlertError> {
        let failed = |source| AlertError::Io { path: path.clone(), source };
        let text = disk.read(&path, FILE_BYTES_MAX).map_err(failed)?;
        // Numbers that were given when the file was begun are not given again, whatever has become of them.
        self.next = self.next.max(first);
        self.files.insert(first, File::default());
        let (mut at, mut good) = (0, 0);
        let (mut wrong, mut wrong_bytes) = (0, 0);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let start = at;
            at += line.len();
            let whole = line.ends_with(b"\n");
            match line::checked(line.trim_ascii_end()).map(serde_json::from_slice) {
                Some(Ok(Line::Head(Head { version, .. }))) if version != VERSION => {
                    return Err(AlertError::Version { path, found: version });
                }
                Some(Ok(said)) if whole => self.note(said, first, start as u64, line.len()),
                _ if whole => {
                    wrong += 1;
                    wrong_bytes += line.len() as u64;
                }
                _ => recovered.cut_bytes += line.len() as u64,
            }
            if whole {
                good = at;
            }
        }
        if wrong > 0 {
            let file = file_name(first);
            let problem = format!("{wrong} of its lines are not what was written");
            recovered.damaged.push(Damage { file, problem, rows: wrong });
        }
        if let Some(file) = self.files.get_mut(&first) {
            file.bytes = good as u64;
        }
        // Their numbers are not known, but no alert's line is shorter.
        self.next = self.next.saturating_add(wrong_bytes / LINE_BYTES_MIN);
        let is_whole = good > 0 && wrong == 0;
        if !is_whole {
            self.next = self.next.max(first.saturating_add(1));
        }
        self.is_whole = is_whole;
        self.is_doubtful = last && good > 0;
        Ok(())
    }

    /// What a line says. Of several alerts with one id the last counts, and of several with one number.
    fn note(&mut self, line: Line, file: u64, at: u64, bytes: usize) {
        match line {
            Line::Head(_) => {}
            Line::Triage(triage) => {
                if let Some(known) = self.alerts.get_mut(&triage.seq) {
                    if known.history.len() == HISTORY_MAX {
                        known.history.remove(0);
                    }
                    known.history.push(Triage {
                        state: triage.state,
                        note: triage.note,
                        by: triage.by,
                        at: Some(MicroTime::from_micros(triage.at)),
                    });
                }
            }
            Line::Alert(alert) => {
                self.next = self.next.max(alert.seq.saturating_add(1));
                if let Some(before) = self.ids.insert(alert.id.clone(), alert.seq) {
                    self.forget(before);
                }
                self.forget(alert.seq);
                self.ids.insert(alert.id.clone(), alert.seq);
                let time = MicroTime::from_micros(alert.time);
                let known = Known {
                    id: alert.id,
                    time,
                    rule: self.name(&alert.rule),
                    severity: self.name(&alert.severity),
                    cluster: self.name(&alert.cluster),
                    history: Vec::new(),
                    file,
                    at,
                    bytes,
                };
                self.alerts.insert(alert.seq, known);
                if let Some(file) = self.files.get_mut(&file) {
                    file.alerts += 1;
                    file.newest = file.newest.max(Some(time));
                }
            }
        }
    }

    fn forget(&mut self, seq: u64) {
        let Some(known) = self.alerts.remove(&seq) else { return };
        if self.ids.get(&known.id) == Some(&seq) {
            self.ids.remove(&known.id);
        }
        if let Some(file) = self.files.get_mut(&known.file) {
            file.alerts -= 1;
        }
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = name.into();
        self.names.insert(Arc::clone(&shared));
        shared
    }
}

impl Default for State {
    fn default() -> Self {
        State {
            alerts: BTreeMap::new(),
            ids: HashMap::new(),
            files: BTreeMap::new(),
            open: None,
            is_torn: false,
            is_whole: false,
            is_doubtful: false,
            next: 1,
            names: HashSet::new(),
        }
    }
}

impl AlertFilter {
    fn takes(&self, known: &Known) -> bool {
        let any =
            |wanted: &[String], name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
        any(&self.rules, &known.rule)
            && any(&self.severities, &known.severity)
            && any(&self.clusters, &known.cluster)
            && (self.states.is_empty() || self.states.contains(&known.state()))
            && self.since.is_none_or(|since| known.time >= since)
            && self.until.is_none_or(|until| known.time < until)
    }
}

/// Lines that are to be written together.
#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    /// With where each begins in the text, and how long it is.
    all: Vec<(Line, usize, usize)>,
}

impl Lines {
    fn add(&mut self, line: Line) -> Result<(), serde_json::Error> {
        let start = self.text.len();
        line::write(&line, &mut self.text)?;
        self.all.push((line, start, self.text.len() - start));
        Ok(())
    }
}

fn file_name(first: u64) -> String {
    format!("alerts-{first:016}.log")
}

fn first_of(name: &str) -> Option<u64> {
    name.strip_prefix("alerts-")?.strip_suffix(".log")?.parse().ok()
}
