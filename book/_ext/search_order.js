// How the results of a search are ordered: the words of the chapters before the names of the library.
// Every name there begins with softmax_lib, so whoever looks for "softmax" would find those first.
var Scorer = {
  score: ([page, , place, , score]) => (page === "api" && place ? score - 100 : score),
  objNameMatch: 30, // a word of the glossary, a function by its name
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
