// What may be matched with what in a pair of sentences; the rules stand in metrics/meteor/match.py.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace meteor {

enum Module : std::int32_t { kExact, kStem, kSynonym, kParaphrase };

// As in metrics/meteor/kernel.py; what each array is stands in lexicon.py and batch.py.
struct Batch {
  const std::int32_t* keys;
  const std::int32_t* stems;
  const std::uint8_t* function;
  const std::int64_t* synset_starts;
  const std::int32_t* synsets;
  const std::int32_t* words;
  const std::int64_t* starts;
  const std::int64_t* phrase_starts;
  const std::int32_t* phrase_first;
  const std::int32_t* phrase_length;
  const std::int32_t* phrases;
  const std::int64_t* paraphrase_starts;
  const std::int32_t* paraphrases;
  const std::int64_t* head_starts;
  const std::int32_t* heads;
  const std::int32_t* ranks;
  std::int64_t key_count;
  std::int64_t synset_count;
  std::int64_t phrase_count;
};

struct Match {
  std::int32_t first, length, span, module;
};

// Lists of numbers by key; keys are small, and a list is emptied without a look at the others.
class Lists {
 public:
  explicit Lists(std::int64_t keys) : last_(static_cast<std::size_t>(keys), -1) {}

  // To be called with descending values, for ascending lists.
  void prepend(std::int32_t key, std::int32_t value) {
    std::int32_t& last = last_[static_cast<std::size_t>(key)];
    if (last < 0) used_.push_back(key);
    entries_.push_back({value, last});
    last = static_cast<std::int32_t>(entries_.size() - 1);
  }

  void clear() {
    for (const std::int32_t key : used_) last_[static_cast<std::size_t>(key)] = -1;
    used_.clear();
    entries_.clear();
  }

  template <typename F>
  void each(std::int32_t key, F f) const {
    for (std::int32_t at = last_[static_cast<std::size_t>(key)]; at >= 0;) {
      const Entry& entry = entries_[static_cast<std::size_t>(at)];
      f(entry.value);
      at = entry.next;
    }
  }

 private:
  struct Entry {
    std::int32_t value, next;
  };
  std::vector<std::int32_t> last_, used_;
  std::vector<Entry> entries_;
};

struct Sentence {
  const std::int32_t* words;
  std::int32_t length;
  std::int64_t phrases_begin, phrases_end;
};

class Candidates {
 public:
  explicit Candidates(const Batch& batch)
      : b_(batch),
        by_key_(batch.key_count),
        by_stem_(batch.key_count),
        by_synset_(batch.synset_count),
        by_phrase_(batch.phrase_count) {}

  Sentence sentence(std::int32_t number) const {
    const std::int64_t begin = b_.starts[number], end = b_.starts[number + 1];
    return {b_.words + begin, static_cast<std::int32_t>(end - begin), b_.phrase_starts[number],
            b_.phrase_starts[number + 1]};
  }

  void set_hypothesis(const Sentence& hypothesis) {
    h_ = hypothesis;
    by_key_.clear();
    by_stem_.clear();
    by_synset_.clear();
    by_phrase_.clear();
    for (std::int32_t i = h_.length - 1; i >= 0; --i) {
      const std::int32_t word = h_.words[i];
      by_key_.prepend(b_.keys[word], i);
      by_stem_.prepend(b_.stems[word], i);
      for (std::int64_t s = b_.synset_starts[word]; s < b_.synset_starts[word + 1]; ++s) {
        by_synset_.prepend(b_.synsets[s], i);
      }
    }
    for (std::int64_t p = h_.phrases_end - 1; p >= h_.phrases_begin; --p) {
      by_phrase_.prepend(b_.phrases[p], static_cast<std::int32_t>(p - h_.phrases_begin));
    }
  }

  void set_reference(const Sentence& reference) {
    r_ = reference;
    next_phrase_ = r_.phrases_begin;
    identical_ = h_.length == r_.length;
    for (std::int32_t j = 0; identical_ && j < r_.length; ++j) {
      identical_ = b_.keys[h_.words[j]] == b_.keys[r_.words[j]];
    }
  }

  // Appends the candidates of word j; to be called for 0, 1, 2 and so on.
  void append(std::int32_t j, std::vector<Match>& out) {
    if (j == 0) next_phrase_ = r_.phrases_begin;
    const std::int32_t word = r_.words[j], key = b_.keys[word];
    by_key_.each(key, [&](std::int32_t i) { out.push_back({i, 1, 1, kExact}); });
    if (identical_) return;
    by_stem_.each(b_.stems[word], [&](std::int32_t i) {
      if (b_.keys[h_.words[i]] != key) out.push_back({i, 1, 1, kStem});
    });
    synonyms_.clear();
    for (std::int64_t s = b_.synset_starts[word]; s < b_.synset_starts[word + 1]; ++s) {
      by_synset_.each(b_.synsets[s], [&](std::int32_t i) {
        if (b_.keys[h_.words[i]] != key) synonyms_.push_back(i);
      });
    }
    if (synonyms_.size() > 1) {
      std::sort(synonyms_.begin(), synonyms_.end());
      synonyms_.erase(std::unique(synonyms_.begin(), synonyms_.end()), synonyms_.end());
    }
    for (const std::int32_t i : synonyms_) out.push_back({i, 1, 1, kSynonym});
    append_paraphrases(j, out);
  }

 private:
  struct Backward {
    std::int32_t phrase, rank, span;
  };

  Match paraphrase(std::int32_t phrase, std::int32_t span) const {
    const std::int64_t at = h_.phrases_begin + phrase;
    return {b_.phrase_first[at], b_.phrase_length[at], span, kParaphrase};
  }

  void append_paraphrases(std::int32_t j, std::vector<Match>& out) {
    const std::int64_t begin = next_phrase_;
    std::int64_t end = begin;
    while (end < r_.phrases_end && b_.phrase_first[end] == j) ++end;
    next_phrase_ = end;
    backwards_.clear();
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int32_t phrase = b_.phrases[p], span = b_.phrase_length[p];
      for (std::int64_t q = b_.paraphrase_starts[phrase]; q < b_.paraphrase_starts[phrase + 1]; ++q) {
        by_phrase_.each(b_.paraphrases[q], [&](std::int32_t other) { out.push_back(paraphrase(other, span)); });
      }
      for (std::int64_t q = b_.head_starts[phrase]; q < b_.head_starts[phrase + 1]; ++q) {
        by_phrase_.each(b_.heads[q],
                        [&](std::int32_t other) { backwards_.push_back({other, b_.ranks[q], span}); });
      }
    }
    std::sort(backwards_.begin(), backwards_.end(), [](const Backward& a, const Backward& b) {
      return a.phrase != b.phrase ? a.phrase < b.phrase : a.rank < b.rank;
    });
    for (const Backward& back : backwards_) out.push_back(paraphrase(back.phrase, back.span));
  }

  const Batch& b_;
  Lists by_key_, by_stem_, by_synset_, by_phrase_;
  Sentence h_{}, r_{};
  std::int64_t next_phrase_ = 0;
  bool identical_ = false;
  std::vector<std::int32_t> synonyms_;
  std::vector<Backward> backwards_;
};

}  // namespace meteor
