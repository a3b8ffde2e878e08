"""Words that carry an opinion, and what turns or strengthens it. Our own list: a weight from 1 (mild) to 3 (strong)."""

from fleet.sandbox.analysis.words import word_set


def _weighted(sign: int, **listed: str) -> dict[str, float]:
    weights = {"mild": 1.0, "clear": 2.0, "strong": 3.0}
    return {word: sign * weights[strength] for strength, words in listed.items() for word in words.split()}


OPINIONS: dict[str, float] = _weighted(
    1,
    mild="""ok okay fine decent fair adequate acceptable reasonable useful working clean quick simple cheap affordable
    handy safe calm warm fresh bright light soft interesting improved improve improves better prompt timely polite
    fixed resolved solved thanks thank welcome hope agree promising solid steady neat stable compact quiet cozy""",
    clear="""good great nice happy pleased glad satisfied helpful friendly easy fast smooth reliable comfortable enjoy
    enjoyed enjoyable enjoys like liked likes recommend recommended recommends impressed impressive tasty delicious
    lovely beautiful elegant fun funny smart clever efficient effective generous kind courteous attentive professional
    responsive accurate durable sturdy convenient valuable worth charming pleasant thoughtful grateful thankful
    appreciate appreciated success successful win winner crisp sharp intuitive refreshing cheerful delighted delightful
    excited exciting""",
    strong="""excellent amazing awesome fantastic wonderful superb outstanding perfect perfectly brilliant love loved
    loves incredible exceptional best marvelous magnificent flawless stunning gorgeous phenomenal thrilled
    extraordinary ecstatic terrific spectacular""",
) | _weighted(
    -1,
    mild="""slow late delay delayed delays expensive overpriced noisy loud small heavy dull plain bland cold stale
    unclear confusing confused difficult hard complicated missing lacking lacks limited average mediocre unsure concern
    concerned concerns issue issues cheaply pricey cramped sticky dated weak wait waited waiting complaint complaints
    sorry worn""",
    clear="""bad poor poorly unhappy disappointed disappointing disappointment broken broke break damaged defective
    faulty fail fails failed failure problem problems wrong error errors crash crashed crashes dirty rude unhelpful
    unreliable useless annoying annoyed frustrated frustrating angry upset dislike disliked boring ugly uncomfortable
    cheat cheated refund unacceptable unprofessional unfriendly careless ignored leak leaked leaks lost stolen sad
    regret regrets waste wasted worse worthless misleading inaccurate unsafe flimsy unpleasant lazy lousy""",
    strong="""terrible horrible awful worst hate hated hates disgusting dreadful appalling atrocious abysmal pathetic
    nightmare horrendous outrageous scam fraud furious disaster catastrophic unbearable garbage rubbish miserable
    vile""",
)

NEGATORS = word_set(
    "not no never none nobody nothing neither nor without hardly barely cannot can't don't doesn't didn't isn't",
    "wasn't aren't weren't won't wouldn't couldn't shouldn't hasn't haven't hadn't ain't cant dont doesnt didnt isnt",
    "wasnt wont",
)
INTENSIFIERS: dict[str, float] = dict.fromkeys(
    word_set("very really so extremely absolutely totally completely incredibly highly truly utterly super deeply"), 1.5
) | dict.fromkeys(word_set("somewhat slightly fairly rather quite little bit kinda mostly almost"), 0.6)
CONTRASTS = word_set("but however although though yet except nevertheless")
