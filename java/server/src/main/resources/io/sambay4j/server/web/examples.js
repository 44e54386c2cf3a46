// What an empty chat proposes.

const SUMS = {
  hint: "tiny-reasoner, the model in the box, adds and subtracts, and knows nothing else.",
  examples: [
    "What is 17+25?",
    "What is 83-57?",
    "Uma has 90 apples and wins 163 more. How many apples does Uma have?",
    "Wes has 56 keys and gets 98 more from Zoe. How many keys does Wes have?",
  ],
};

const REASONING = {
  hint: "A model that thinks before it answers. Its thought is folded away and can be opened.",
  examples: [
    "How many zeros does 100! end with?",
    "Prove that the square root of 2 is irrational.",
    "Two trains 300 km apart approach each other at 70 and 80 km/h. When do they meet?",
    "Three cards, one red on both sides, one blue on both, one of each. I see red. What is on the back?",
  ],
};

/** Examples that a model can answer: {hint, examples}. */
export function examplesFor(model) {
  return model.includes("tiny-reasoner") ? SUMS : REASONING;
}
