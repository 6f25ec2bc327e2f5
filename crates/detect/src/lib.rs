//! Rules over a stream of events: windows, sequences, baselines, alerts.
