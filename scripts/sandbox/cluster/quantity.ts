const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** A resource quantity (`64Mi`) in bytes; undefined for what is none. */
export function quantityBytes(quantity: string | undefined): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(quantity ?? '') ?? [];
  const factor = units[unit];
  return number === undefined || factor === undefined ? undefined : Math.floor(Number(number) * factor);
}
