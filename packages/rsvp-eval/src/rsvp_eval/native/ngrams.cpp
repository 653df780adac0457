// N-grams of captions: what BLEU and CIDEr count, for orders 1 to 4.
//
// An n-gram is known by the number of its first n-1 words and by its last word. That key is exact, so a
// collision in the table costs a step and never changes a count. Orders are done one after the other, so that
// only one table is held at a time. Sums run over the n-grams of a caption in the order in which they first
// occur, as in the path in Python, and both give the same bits.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

namespace {

constexpr int kOrders = 4;
constexpr double kSigma = 6.0;
constexpr double kE = 2.718281828459045;
constexpr std::size_t kAhead = 32;

#if defined(__GNUC__)
inline void soon(const void* address) { __builtin_prefetch(address); }
#else
inline void soon(const void*) {}
#endif

inline std::uint64_t mixed(std::uint64_t key) {
  key ^= key >> 32;
  key *= 0x9E3779B97F4A7C15ULL;
  key ^= key >> 29;
  key *= 0xBF58476D1CE4E5B9ULL;
  return key ^ (key >> 32);
}

// From keys to numbers, 0, 1, 2 and so on as they come.
class Numbering {
 public:
  Numbering() : slots_(1 << 16, 0) {}

  std::size_t size() const { return keys_.size(); }

  // The number of each key. Three rounds, each of which fetches the memory that the next one reads.
  void number(const std::uint64_t* keys, std::size_t count, std::uint32_t* numbers) {
    std::uint64_t hashes[kAhead];
    for (std::size_t i = 0; i < count; ++i) {
      hashes[i] = mixed(keys[i]);
      soon(&slots_[hashes[i] & (slots_.size() - 1)]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t found = slots_[hashes[i] & (slots_.size() - 1)];
      if (found != 0) soon(&keys_[found - 1]);
    }
    for (std::size_t i = 0; i < count; ++i) numbers[i] = one(keys[i], hashes[i]);
  }

 private:
  std::uint32_t one(std::uint64_t key, std::uint64_t hash) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = hash & mask;
    while (slots_[at] != 0) {
      if (keys_[slots_[at] - 1] == key) return slots_[at] - 1;
      at = (at + 1) & mask;
    }
    keys_.push_back(key);
    slots_[at] = static_cast<std::uint32_t>(keys_.size());
    if (3 * keys_.size() > 2 * slots_.size()) grow();
    return static_cast<std::uint32_t>(keys_.size() - 1);
  }

  void grow() {
    const std::size_t size = slots_.size() * 2;
    std::vector<std::uint32_t>().swap(slots_);
    slots_.assign(size, 0);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      std::size_t at = mixed(keys_[i]) & (size - 1);
      while (slots_[at] != 0) at = (at + 1) & (size - 1);
      slots_[at] = static_cast<std::uint32_t>(i + 1);
    }
  }

  std::vector<std::uint32_t> slots_;  // number + 1; 0 where free
  std::vector<std::uint64_t> keys_;
};

struct Captions {
  const std::int32_t* words;
  const std::int64_t* starts;
  std::int64_t count;

  std::int64_t grams(std::int64_t caption, int order) const {
    return std::max<std::int64_t>(0, starts[caption + 1] - starts[caption] - order + 1);
  }
};

struct Samples {
  const std::int32_t* predictions;
  const std::int32_t* references;
  const std::int64_t* starts;
  std::int64_t count;
};

// Replaces the number of the (n-1)-gram at each place by that of the n-gram. Returns how many there are.
std::size_t next_order(const Captions& captions, int order, std::vector<std::uint32_t>& grams) {
  Numbering numbering;
  std::uint64_t keys[kAhead];
  for (std::int64_t caption = 0; caption < captions.count; ++caption) {
    const std::int64_t begin = captions.starts[caption];
    const std::int64_t end = begin + captions.grams(caption, order);
    for (std::int64_t at = begin; at < end; at += kAhead) {
      const std::size_t count = static_cast<std::size_t>(std::min<std::int64_t>(kAhead, end - at));
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t word = static_cast<std::uint32_t>(captions.words[at + i + order - 1]);
        keys[i] = (static_cast<std::uint64_t>(grams[at + i]) << 32) | word;
      }
      numbering.number(keys, count, &grams[at]);
    }
  }
  return numbering.size();
}

// What an n-gram weighs: from the samples whose references have it, or as the table of a file says.
std::vector<double> weights(const Captions& captions, const Samples& samples, int order,
                            const std::vector<std::uint32_t>& grams, std::size_t distinct,
                            const double* weight_of, const double* listed, std::int64_t entries) {
  std::vector<double> weight(distinct, weight_of[0]);
  if (entries >= 0) {
    for (std::int64_t i = 0; i < entries; ++i) {
      const std::int64_t caption = captions.count - entries + i;
      if (captions.starts[caption + 1] - captions.starts[caption] == order) {
        weight[grams[captions.starts[caption]]] = listed[i];
      }
    }
    return weight;
  }
  struct Seen {
    std::uint32_t last = 0;
    std::uint32_t samples = 0;
  };
  std::vector<Seen> seen(distinct);
  for (std::int64_t sample = 0; sample < samples.count; ++sample) {
    const std::uint32_t mark = static_cast<std::uint32_t>(sample + 1);
    for (std::int64_t r = samples.starts[sample]; r < samples.starts[sample + 1]; ++r) {
      const std::int64_t begin = captions.starts[samples.references[r]];
      const std::int64_t end = begin + captions.grams(samples.references[r], order);
      for (std::int64_t at = begin; at < end; ++at) {
        Seen& gram = seen[grams[at]];
        gram.samples += gram.last != mark;
        gram.last = mark;
      }
    }
  }
  for (std::size_t i = 0; i < distinct; ++i) weight[i] = weight_of[seen[i].samples];
  return weight;
}

// The distinct n-grams of one sample, in a table small enough to stay near the processor.
class Matcher {
 public:
  explicit Matcher(const std::vector<double>& weight) : weight_(weight) {}

  void begin(std::size_t grams) {
    std::size_t room = 16;
    for (shift_ = 28; room < 2 * grams; room *= 2) --shift_;
    if (table_.size() < room) table_.resize(room);
    mask_ = room - 1;
    std::fill_n(table_.begin(), room, Slot{});
    found_.clear();
  }

  std::uint32_t local(std::uint32_t gram) {
    std::size_t at = (gram * 0x9E3779B1U) >> shift_;
    while (table_[at].gram != kFree) {
      if (table_[at].gram == gram) return table_[at].local;
      at = (at + 1) & mask_;
    }
    const std::uint32_t number = static_cast<std::uint32_t>(found_.size());
    table_[at] = Slot{gram, number};
    found_.push_back(Gram{weight_[gram]});
    return number;
  }

  struct Gram {
    double weight;
    std::int64_t predicted = 0;
    std::int64_t here = 0;  // in the reference at hand
    std::int64_t most = 0;  // in any one reference
  };

  Gram& operator[](std::uint32_t local) { return found_[local]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(found_.size()); }

 private:
  static constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
  struct Slot {
    std::uint32_t gram = kFree;
    std::uint32_t local = 0;
  };

  const std::vector<double>& weight_;
  std::vector<Slot> table_;
  std::vector<Gram> found_;
  std::size_t mask_ = 0;
  int shift_ = 28;  // leaves as many bits of a hash as the table has places
};

void match(const Captions& captions, const Samples& samples, int order,
           const std::vector<std::uint32_t>& grams, const std::vector<double>& weight, std::int64_t* correct,
           double* clipped, double* plain) {
  Matcher matcher(weight);
  std::vector<std::uint32_t> touched;
  for (std::int64_t sample = 0; sample < samples.count; ++sample) {
    const std::int32_t prediction = samples.predictions[sample];
    const std::int64_t first = samples.starts[sample], last = samples.starts[sample + 1];
    std::int64_t total = captions.grams(prediction, order);
    for (std::int64_t r = first; r < last; ++r) total += captions.grams(samples.references[r], order);
    matcher.begin(static_cast<std::size_t>(total));

    const std::int64_t begin = captions.starts[prediction];
    const std::int64_t end = begin + captions.grams(prediction, order);
    for (std::int64_t at = begin; at < end; ++at) ++matcher[matcher.local(grams[at])].predicted;
    const std::uint32_t own = matcher.size();
    double square = 0.0;
    for (std::uint32_t i = 0; i < own; ++i) {
      const double term = static_cast<double>(matcher[i].predicted) * matcher[i].weight;
      square += term * term;
    }
    const double norm = std::sqrt(square);

    const std::int64_t place = sample * kOrders + order - 1;
    double clipped_sum = 0.0, plain_sum = 0.0;
    for (std::int64_t r = first; r < last; ++r) {
      const std::int32_t reference = samples.references[r];
      const std::int64_t from = captions.starts[reference];
      const std::int64_t to = from + captions.grams(reference, order);
      touched.clear();
      for (std::int64_t at = from; at < to; ++at) {
        const std::uint32_t i = matcher.local(grams[at]);
        if (matcher[i].here++ == 0) touched.push_back(i);
      }
      double other_square = 0.0;
      for (const std::uint32_t i : touched) {
        const double term = static_cast<double>(matcher[i].here) * matcher[i].weight;
        other_square += term * term;
      }
      double clipped_dot = 0.0, plain_dot = 0.0;
      for (std::uint32_t i = 0; i < own; ++i) {
        Matcher::Gram& gram = matcher[i];
        if (gram.here == 0) continue;
        gram.most = std::max(gram.most, gram.here);
        const double ours = static_cast<double>(gram.predicted) * gram.weight;
        const double theirs = static_cast<double>(gram.here) * gram.weight;
        clipped_dot += std::min(ours, theirs) * theirs;
        plain_dot += ours * theirs;
      }
      for (const std::uint32_t i : touched) matcher[i].here = 0;
      const double other_norm = std::sqrt(other_square);
      if (norm != 0.0 && other_norm != 0.0) {
        clipped_dot /= norm * other_norm;
        plain_dot /= norm * other_norm;
      }
      const double apart =
          static_cast<double>(captions.grams(prediction, 2) - captions.grams(reference, 2));
      clipped_sum += clipped_dot * std::pow(kE, -(apart * apart) / (2 * (kSigma * kSigma)));
      plain_sum += plain_dot;
    }
    std::int64_t right = 0;
    for (std::uint32_t i = 0; i < own; ++i) right += std::min(matcher[i].predicted, matcher[i].most);
    correct[place] = right;
    clipped[place] = clipped_sum;
    plain[place] = plain_sum;
  }
}

}  // namespace

// Matches predictions with their references. All arrays are the caller's, and nothing is kept.
//
//   words, starts, captions     word numbers (0 and up) of the captions, where each begins, and how many they are
//   vocabulary                  how many distinct words there are
//   predictions, references     numbers of captions; reference_starts (samples + 1) says whose references they are
//   weight_of                   idf by the number of samples that have an n-gram, 0 to `samples`; with a table, of 0
//   listed, entries             a table: idf of the n-grams that are the last `entries` captions; -1 entries without
//   correct, clipped, plain     (samples, 4) results by order: matches after clipping by the references (BLEU);
//                               summed over references, the similarity of CIDEr-D and that of plain CIDEr
//
// Returns 0, or 1 where there is too little memory.
extern "C" __attribute__((visibility("default"))) int rsvp_match_ngrams(
    const std::int32_t* words, const std::int64_t* starts, std::int64_t captions, std::int64_t vocabulary,
    const std::int32_t* predictions, const std::int32_t* references, const std::int64_t* reference_starts,
    std::int64_t samples, const double* weight_of, const double* listed, std::int64_t entries,
    std::int64_t* correct, double* clipped, double* plain) {
  try {
    const Captions all{words, starts, captions};
    const Samples given{predictions, references, reference_starts, samples};
    std::vector<std::uint32_t> grams(words, words + starts[captions]);
    for (int order = 1; order <= kOrders; ++order) {
      const std::size_t distinct =
          order == 1 ? static_cast<std::size_t>(vocabulary) : next_order(all, order, grams);
      const std::vector<double> weight =
          weights(all, given, order, grams, distinct, weight_of, listed, entries);
      match(all, given, order, grams, weight, correct, clipped, plain);
    }
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}
