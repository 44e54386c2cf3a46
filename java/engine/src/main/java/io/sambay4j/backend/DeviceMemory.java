package io.sambay4j.backend;

/**
 * Memory of a device in bytes.
 *
 * @param free what the system calls free
 * @param total all of it
 */
public record DeviceMemory(long free, long total) {}
