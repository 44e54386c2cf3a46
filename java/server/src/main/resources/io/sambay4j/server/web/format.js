// Numbers as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });

/** 4096 becomes "4,096". */
export function count(value) {
  return whole.format(value);
}

/** Tokens a second: one decimal below ten, none above. */
export function rate(value) {
  return value < 10 ? tenth.format(value) : whole.format(value);
}

/** A share between 0 and 1 in per cent. */
export function percent(share) {
  return `${whole.format(100 * share)} %`;
}

/** Bytes in binary units: 3.5 MiB. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? whole.format(value) : tenth.format(value)} ${units[unit]}`;
}

/** A time span given in milliseconds: "18 ms", "2.4 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". */
export function duration(milliseconds) {
  if (milliseconds < 1000) {
    return `${whole.format(milliseconds)} ms`;
  }
  const seconds = milliseconds / 1000;
  if (seconds < 10) {
    return `${tenth.format(seconds)} s`;
  }
  if (seconds < 60) {
    return `${whole.format(Math.floor(seconds))} s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min ${Math.floor(seconds % 60)} s`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
