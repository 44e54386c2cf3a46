package io.sambay4j;

import java.time.Duration;

/**
 * What a model is doing and has done since it was opened. Gauges are as of the last step.
 *
 * @param running requests that take part in steps
 * @param waiting requests in the queue
 * @param queueLimit how many may wait before {@link EngineBusyException}
 * @param slotsUsed sequences held, by requests and by open sessions
 * @param slots sequences that can be held at once
 * @param cacheBlocksUsed blocks of the key/value cache held by sequences, sessions and prefix cache
 * @param cacheBlocks blocks there are; 0 in models without
 * @param cacheBlockTokens tokens of a block
 * @param contextLimit tokens a prompt and its answer may have together
 * @param requests requests that have ended, however they did
 * @param promptTokens prompt tokens that were read
 * @param cachedTokens prompt tokens of requests that did not have to be read
 * @param generatedTokens tokens generated
 * @param prefixCacheHits requests whose prompt's beginning was found in the prefix cache
 * @param prefixCacheMisses requests that looked there in vain
 * @param prefixCacheTokensSaved prompt tokens that hits spared
 * @param prefixCacheEntries states kept in memory
 * @param prefixCacheBytes memory they take
 * @param prefixCacheLimitBytes memory they may take; 0: there is no prefix cache
 * @param prefixCacheEvictions states dropped to make room
 * @param prefixCacheFiles states kept in files
 * @param steps steps of the engine
 * @param uptime since the model was opened
 */
public record EngineStatistics(
    int running,
    int waiting,
    int queueLimit,
    int slotsUsed,
    int slots,
    int cacheBlocksUsed,
    int cacheBlocks,
    int cacheBlockTokens,
    int contextLimit,
    long requests,
    long promptTokens,
    long cachedTokens,
    long generatedTokens,
    long prefixCacheHits,
    long prefixCacheMisses,
    long prefixCacheTokensSaved,
    int prefixCacheEntries,
    long prefixCacheBytes,
    long prefixCacheLimitBytes,
    long prefixCacheEvictions,
    int prefixCacheFiles,
    long steps,
    Duration uptime) {}
