//! "Did you mean …?"

/// The one of `known` that `word` was probably meant to be.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    nearest(word, known, |_, candidate, distance| distance <= 1 + candidate.len() / 5)
}

/// The nearest of `known` that is near enough, which is asked of the word in lower case, the candidate, and how many
/// letters lie between them.
pub(crate) fn nearest<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
    near_enough: impl Fn(&str, &str, usize) -> bool,
) -> Option<&'k str> {
    // No name of the language or the API is longer, and the distance takes memory for every pair of letters.
    const LENGTH_MAX: usize = 64;
    if word.len() > LENGTH_MAX {
        return None;
    }
    let folded = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| near_enough(&folded, candidate, *distance))
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
