/** Things that wait for their occasion, each for a number of them. */
export class Armed<T extends { readonly times: number }> {
  #waiting: T[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  arm(item: T): void {
    this.#waiting.push(item);
  }

  clear(): void {
    this.#waiting = [];
  }

  /** Uses up one time of the first item whose occasion this is; undefined if there is none. */
  take(isOccasion: (item: T) => boolean): T | undefined {
    const at = this.#waiting.findIndex(isOccasion);
    const found = this.#waiting[at];
    if (found === undefined) return undefined;
    if (found.times > 1) this.#waiting[at] = { ...found, times: found.times - 1 };
    else this.#waiting.splice(at, 1);
    return found;
  }
}
