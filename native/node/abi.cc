// What both sides of the boundary must agree on: the numbers of layout.h and addon.h (`abi`), the statuses of hot calls
// (`status`), the version of the package, and the scratch buffer.
#include "node/failing.h"
#include "node/storecall.h"
#include "protocol/calls.h"
#include "protocol/counters.h"
#include "protocol/payload.h"
#include "protocol/table.h"

namespace orbit {

namespace {

// setScratch(arrayBuffer): results and frames pass through it from now on; it ends with the draft
Napi::Value set_scratch_call(const Napi::CallbackInfo& info) {
  Addon& addon = addon_of(info);
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  if (addon.scratchReference != nullptr) napi_delete_reference(info.Env(), addon.scratchReference);
  napi_create_reference(info.Env(), buffer, 1, &addon.scratchReference);
  addon.scratch = static_cast<uint8_t*>(buffer.Data());
  addon.scratchBytes = buffer.ByteLength() - kDraftBytes;
  return info.Env().Undefined();
}

// setSlab(arrayBuffer): payloads with a place go into it from now on. The caller keeps it alive and never lets it be
// detached without setting another one before the next call
Napi::Value set_slab_call(const Napi::CallbackInfo& info) {
  Addon& addon = addon_of(info);
  Napi::ArrayBuffer buffer = info[0].As<Napi::ArrayBuffer>();
  addon.slab = static_cast<uint8_t*>(buffer.Data());
  addon.slabBytes = buffer.ByteLength();
  return info.Env().Undefined();
}

Napi::Object abi_table(Napi::Env env) {
  Napi::Object abi = Napi::Object::New(env);
  const struct {
    const char* name;
    double value;
  } numbers[] = {
      {"layoutVersion", kLayoutVersion},
      {"maxKind", kMaxKind},
      {"firstNamedKind", kFirstNamedKind},
      {"maxFleetSize", kMaxFleetSize},
      {"maxCapacity", kMaxCapacity},
      {"maxPayloadBytes", kMaxPayloadBytes},
      {"cacheLineBytes", kCacheLineBytes},
      {"chunkHeaderBytes", sizeof(ChunkHeader)},
      {"maxPosition", static_cast<double>(kMaxPosition)},
      {"counterBits", kCounterBits},
      {"typeNameBytes", kTypeNameBytes},
      {"labelBytes", kLabelBytes},
      {"statusBytes", kStatusBytes},
      {"cacheKind", kCacheKind},
      {"eventKind", kEventKind},
      {"contestKind", kContestKind},
      {"limitsKind", kLimitsKind},
      {"countersKind", kCountersKind},
      {"callKind", kCallKind},
      {"serverDied", kServerDied},
      {"replyDamaged", kReplyDamaged},
      {"requestHeaderBytes", sizeof(RequestHeader)},
      {"maxBoxes", kMaxBoxes},
      {"maxServices", kMaxServices},
      {"eventHeaderBytes", sizeof(EventHeader)},
      {"maxTopicBytes", kMaxTopicBytes},
      {"argumentNumber", offsetof(Arguments, number)},
      {"argumentRing", offsetof(Arguments, ring)},
      {"argumentPlace", offsetof(Arguments, place)},
      {"argumentCount", offsetof(Arguments, count)},
      {"argumentFlag", offsetof(Arguments, flag)},
      {"inScratch", kInScratch},
      {"resultPosition", offsetof(Results, position)},
      {"resultHead", offsetof(Results, head)},
      {"resultFrom", offsetof(Results, from)},
      {"resultTo", offsetof(Results, to)},
      {"resultLost", offsetof(Results, lost)},
      {"resultMalformed", offsetof(Results, malformed)},
      {"resultStatus", offsetof(Results, status)},
      {"resultBytes", offsetof(Results, bytes)},
      {"resultCount", offsetof(Results, count)},
      {"firstRecord", kFirstRecord},
      {"recordBytes", sizeof(FrameRecord)},
      {"draftBytes", kDraftBytes},
      {"recordPosition", offsetof(FrameRecord, position)},
      {"recordVersion", offsetof(FrameRecord, version)},
      {"recordNode", offsetof(FrameRecord, node)},
      {"recordLength", offsetof(FrameRecord, length)},
      {"recordFrameKind", offsetof(FrameRecord, frameKind)},
      {"recordAt", offsetof(FrameRecord, at)},
      {"pollPayloads", kPollPayloads},
      {"contestTextAt", kTextAt},
      {"claimToken", kFirstRecord + offsetof(ClaimRecord, token)},
      {"claimClaimedAtMs", kFirstRecord + offsetof(ClaimRecord, claimedAtMs)},
      {"claimExpiresInMs", kFirstRecord + offsetof(ClaimRecord, expiresInMs)},
      {"claimIncarnation", kFirstRecord + offsetof(ClaimRecord, incarnation)},
      {"claimStamp", kFirstRecord + offsetof(ClaimRecord, stamp)},
      {"claimNode", kFirstRecord + offsetof(ClaimRecord, node)},
      {"claimPid", kFirstRecord + offsetof(ClaimRecord, pid)},
      {"claimOwnerBytes", kFirstRecord + offsetof(ClaimRecord, ownerBytes)},
      {"claimOwner", kFirstRecord + offsetof(ClaimRecord, owner)},
      {"listedToken", offsetof(ListedClaim, token)},
      {"listedClaimedAtMs", offsetof(ListedClaim, claimedAtMs)},
      {"listedExpiresInMs", offsetof(ListedClaim, expiresInMs)},
      {"listedNode", offsetof(ListedClaim, node)},
      {"listedPid", offsetof(ListedClaim, pid)},
      {"listedSubjectKind", offsetof(ListedClaim, subjectKind)},
      {"listedSubjectBytes", offsetof(ListedClaim, subjectBytes)},
      {"listedOwnerBytes", offsetof(ListedClaim, ownerBytes)},
      {"listedClaimBytes", sizeof(ListedClaim)},
      {"maxSubjectBytes", kMaxSubjectBytes},
      {"maxOwnerBytes", kMaxOwnerBytes},
      {"cardBytes", kCardBytes},
      {"lifeTtlMs", static_cast<double>(static_cast<int64_t>(kForLifeMs))},
      {"maxCounterName", kMaxNameBytes},
      {"bucketCells", kBucketCells},
      {"counterHeaderBytes", sizeof(CounterHeader)},
      {"counterTtlMs", kFirstRecord + offsetof(CounterArguments, ttlMs)},
      {"counterLimit", kFirstRecord + offsetof(CounterArguments, limit)},
      {"counterValue", kFirstRecord + offsetof(CounterRecord, value)},
      {"counterBefore", kFirstRecord + offsetof(CounterRecord, before)},
      {"counterCell", kFirstRecord + offsetof(CounterRecord, cell)},
      {"counterStamp", kFirstRecord + offsetof(CounterRecord, stamp)},
      {"counterGeneration", kFirstRecord + offsetof(CounterRecord, generation)},
      {"counterHad", kFirstRecord + offsetof(CounterRecord, had)},
      {"listedCounterBytes", sizeof(ListedCounter)},
      {"listedCounterExpiresInMs", offsetof(ListedCounter, expiresInMs)},
      {"listedCounterCell", offsetof(ListedCounter, cell)},
      {"listedCounterGeneration", offsetof(ListedCounter, generation)},
      {"listedCounterKind", offsetof(ListedCounter, kind)},
      {"listedCounterNameBytes", offsetof(ListedCounter, nameBytes)},
      {"limitCount", kFirstRecord + offsetof(LimitRecord, count)},
      {"limitRemaining", kFirstRecord + offsetof(LimitRecord, remaining)},
      {"limitResetMs", kFirstRecord + offsetof(LimitRecord, resetMs)},
      {"limitRetryAfterMs", kFirstRecord + offsetof(LimitRecord, retryAfterMs)},
      {"maxLimitKeyBytes", kMaxLimitKeyBytes},
      {"maxLimitEntries", kMaxLimitEntries},
      {"maxLimit", kMaxLimit},
      {"maxWindowMs", kMaxWindowMs},
      {"entryHeaderBytes", sizeof(EntryHeader)},
      {"entryRecordBytes", sizeof(EntryRecord)},
      {"entryIncarnation", offsetof(EntryRecord, incarnation)},
      {"entryCell", offsetof(EntryRecord, cell)},
      {"entryNode", offsetof(EntryRecord, node)},
      {"entryIdBytes", offsetof(EntryRecord, idBytes)},
      {"entryValueBytes", offsetof(EntryRecord, valueBytes)},
      {"cacheHeaderBytes", sizeof(CacheHeader)},
      {"cacheOp", offsetof(CacheHeader, op)},
      {"cacheNamespaceBytes", offsetof(CacheHeader, namespaceBytes)},
      {"cacheKeyBytes", offsetof(CacheHeader, keyBytes)},
      {"cacheValueBytes", offsetof(CacheHeader, valueBytes)},
      {"cachePut", kCachePut},
      {"cacheDelete", kCacheDelete},
      {"cacheReset", kCacheReset},
      {"storeKind", kStoreKind},
      {"storeKeyAt", kStoreKeyAt},
      {"maxStoreKeyBytes", kMaxStoreKeyBytes},
      {"maxStorePrefixBytes", kMaxPrefixBytes},
      {"maxStoreTags", kMaxStoreTags},
      {"maxStoreBytes", static_cast<double>(kMaxStoreBytes)},
      {"storeTtlMs", kFirstRecord + offsetof(StoreOptions, ttlMs)},
      {"storeStaleMs", kFirstRecord + offsetof(StoreOptions, staleMs)},
      {"storeId", kFirstRecord + offsetof(StoreOptions, id)},
      {"storeCondition", kFirstRecord + offsetof(StoreOptions, condition)},
      {"storeTagCount", kFirstRecord + offsetof(StoreOptions, tagCount)},
      {"storeTagBytes", kFirstRecord + offsetof(StoreOptions, tagBytes)},
      {"storeReservation", kFirstRecord + offsetof(StoreOptions, reservation)},
      {"listedEntryBytes", sizeof(ListedEntry)},
      {"listedEntryId", offsetof(ListedEntry, id)},
      {"listedEntryValueBytes", offsetof(ListedEntry, valueBytes)},
      {"listedEntryAgeMs", offsetof(ListedEntry, ageMs)},
      {"listedEntryExpiresInMs", offsetof(ListedEntry, expiresInMs)},
      {"listedEntryKeyBytes", offsetof(ListedEntry, keyBytes)},
      {"listedEntryFrequency", offsetof(ListedEntry, frequency)},
  };
  for (const auto& number : numbers) abi.Set(number.name, number.value);
  abi.Freeze();
  return abi;
}

Napi::Object status_table(Napi::Env env) {
  Napi::Object statuses = Napi::Object::New(env);
  const struct {
    const char* name;
    int32_t value;
  } numbers[] = {
      {"notYet", static_cast<int32_t>(RingStatus::kNotYet)},
      {"overwritten", static_cast<int32_t>(RingStatus::kOverwritten)},
      {"corrupt", static_cast<int32_t>(RingStatus::kCorrupt)},
      {"tooLarge", static_cast<int32_t>(RingStatus::kTooLarge)},
      {"retired", static_cast<int32_t>(RingStatus::kRetired)},
      {"exhausted", static_cast<int32_t>(RingStatus::kExhausted)},
      {"closed", kStatusClosed},
      {"readOnly", kStatusReadOnly},
      {"full", kStatusFull},
      {"noMemory", static_cast<int32_t>(TableStatus::kNoMemory)},
      {"malformed", kStatusMalformed},
      {"none", static_cast<int32_t>(CounterStatus::kNone)},
      {"refused", static_cast<int32_t>(CounterStatus::kRefused)},
      {"other", static_cast<int32_t>(CounterStatus::kOther)},
      {"stale", static_cast<int32_t>(CounterStatus::kStale)},
      {"short", kStatusShort},
  };
  for (const auto& number : numbers) statuses.Set(number.name, number.value);
  statuses.Freeze();
  return statuses;
}

}  // namespace

bool export_abi(napi_env environment, napi_value value, Addon* addon) try {
  Napi::Env env(environment);
  Napi::Object exports(env, value);
  exports.Set("version", ORBIT_VERSION);
  exports.Set("abi", abi_table(env));
  exports.Set("status", status_table(env));
  return export_failing_calls(env, exports, addon, {{"setScratch", set_scratch_call}, {"setSlab", set_slab_call}});
} catch (const Napi::Error& error) {
  error.ThrowAsJavaScriptException();
  return false;
}

}  // namespace orbit
