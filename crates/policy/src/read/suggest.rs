//! "Did you mean …?"

/// The one of `known` that `word` was probably meant to be.
pub(crate) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let folded = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_words_only() {
        let levels = ["None", "Metadata", "Request", "RequestResponse"];
        assert_eq!(did_you_mean("metadata", levels), Some("Metadata"));
        assert_eq!(did_you_mean("Requests", levels), Some("Request"));
        assert_eq!(did_you_mean("RequestRespnse", levels), Some("RequestResponse"));
        assert_eq!(did_you_mean("Debug", levels), None);
        assert_eq!(did_you_mean("", levels), None);
    }
}
