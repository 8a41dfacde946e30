/** What tags were last seen to stand for, and when. There are tens of thousands of them: none has an object of its own. */
import type { Digest } from '../../domain/names.ts';

/** What was seen of a tag. */
export interface Sight {
  readonly digest: Digest;
  /** Since 1970; 0 for what has to be asked for again, however short ago it was. */
  readonly seconds: number;
}

export class SeenTags {
  readonly #numbers = new Map<string, number>();
  /** By number. */
  readonly #digests: Digest[] = [];
  readonly #seconds: number[] = [];

  get size(): number {
    return this.#numbers.size;
  }

  /** @param name of the tag, with everything that it belongs to */
  get(name: string): Sight | undefined {
    const number = this.#numbers.get(name);
    return number === undefined ? undefined : this.#at(number);
  }

  set(name: string, { digest, seconds }: Sight): void {
    const number = this.#numbers.get(name) ?? this.#numbers.size;
    this.#numbers.set(name, number);
    this.#digests[number] = digest;
    this.#seconds[number] = seconds;
  }

  *[Symbol.iterator](): Generator<[name: string, sight: Sight], void> {
    for (const [name, number] of this.#numbers) {
      const sight = this.#at(number);
      if (sight) yield [name, sight];
    }
  }

  #at(number: number): Sight | undefined {
    const [digest, seconds] = [this.#digests[number], this.#seconds[number]];
    return digest === undefined || seconds === undefined ? undefined : { digest, seconds };
  }
}
