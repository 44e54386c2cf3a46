package io.sambay4j.tokenizer;

/**
 * A token that stands beside the vocabulary proper and is found in a chat template's own text
 * before byte pair encoding.
 *
 * @param id its id
 * @param content how a template writes it
 * @param singleWord whether it must not touch letters or digits
 * @param lstrip whether it swallows white space before it
 * @param rstrip whether it swallows white space after it
 * @param special whether decoding leaves it out
 */
record AddedToken(
    int id, String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean special) {}
