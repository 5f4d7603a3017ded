//! The screens that the dashboard will have.

/// A screen: a place with a URL of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// What it is called.
    pub name: &'static str,
    /// What it shows, as a sentence.
    pub shows: &'static str,
}

/// Every screen, in the order in which one meets them.
pub const SCREENS: [Screen; 10] = [
    Screen {
        name: "Overview",
        shows: "The release live in each environment, what waits and for what, and what failed.",
    },
    Screen { name: "Package", shows: "A package's releases, newest first, and where each is live." },
    Screen { name: "Release", shows: "Its phases as a pipeline, with inputs, outputs and logs of each run." },
    Screen { name: "Environment", shows: "Its attributes, and every deployment in it with its history." },
    Screen {
        name: "Custom state",
        shows: "Approvals and other values that people set, and environments, to be edited.",
    },
    Screen { name: "Explorer", shows: "Any document by its ref, or all that a pattern matches." },
    Screen { name: "Intent and state", shows: "What should be beside what is, field by field." },
    Screen { name: "Plan", shows: "The work that would happen now, and why." },
    Screen { name: "Time travel", shows: "Any of these as it was at an earlier moment." },
    Screen { name: "Preview", shows: "What a release file would do, without doing it." },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_have_names_of_their_own_and_say_what_they_show() {
        for (i, screen) in SCREENS.iter().enumerate() {
            assert!(screen.shows.ends_with('.'), "{}", screen.name);
            assert!(SCREENS[..i].iter().all(|other| other.name != screen.name));
        }
    }
}
