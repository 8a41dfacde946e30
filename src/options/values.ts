/** What was given for the options, and what it means. */
import { parseDuration } from '../domain/duration.ts';
import { UsageError } from '../domain/errors.ts';
import { definitionOf, type OptionName } from './definitions.ts';

/** What was given for each option, as text, before it is understood. */
export type RawOptions = Partial<Record<OptionName, string | boolean | readonly string[]>>;

/** RFC 1123 label or subdomain. */
const KUBERNETES_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

/** Understands raw values; its errors name the option and say what is expected. */
export class Values {
  readonly #raw: RawOptions;

  constructor(raw: RawOptions) {
    this.#raw = raw;
  }

  flag(name: OptionName): boolean {
    return this.#once(name) === true;
  }

  optional(name: OptionName): string | undefined {
    const value = this.#once(name);
    if (value === undefined) return undefined;
    const text = String(value);
    if (text === '') throw wrong(name, text, 'a value');
    const { choices } = definitionOf(name);
    if (choices && !choices.includes(text)) throw wrong(name, text, choices.join(' or '));
    return text;
  }

  text(name: OptionName): string {
    return this.optional(name) ?? definitionOf(name).default ?? '';
  }

  /** A Kubernetes name (RFC 1123 label or subdomain). */
  name(name: OptionName): string {
    const text = this.text(name);
    if (!KUBERNETES_NAME.test(text)) throw wrong(name, text, 'a Kubernetes name');
    return text;
  }

  /** Kubernetes names, separated by commas or given one after the other. */
  names(name: OptionName): readonly string[] {
    const names = this.list(name).flatMap((text) => text.split(','));
    for (const text of names) if (!KUBERNETES_NAME.test(text)) throw wrong(name, text, 'Kubernetes names');
    return names;
  }

  /** Where a registry is. The scheme, if there is one, tells the port that is left out. */
  registry(name: OptionName): { scheme: 'http' | 'https' | undefined; address: string } {
    const text = this.text(name);
    const [, scheme, host, port] =
      /^(?:(https?):\/\/)?(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?)(:[0-9]{1,5})?\/?$/.exec(
        text,
      ) ?? [];
    if (host === undefined) throw wrong(name, text, 'HOST:PORT, or http(s)://HOST[:PORT] without a path');
    // Skopeo would take such a name for a repository of the Docker Hub; and port 80 is nobody's registry.
    if (scheme === undefined && port === undefined && !host.includes('.') && !host.startsWith('['))
      throw wrong(name, text, `its port as well, for example ${text}:5000`);
    const implied = { http: ':80', https: ':443' }[scheme ?? ''] ?? '';
    return { scheme: scheme as 'http' | 'https' | undefined, address: `${host}${port ?? implied}` };
  }

  integer(name: OptionName, range: { least: number; most: number; preset: number }): number {
    const text = this.optional(name) ?? String(range.preset);
    const number = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= range.least && number <= range.most) return number;
    throw wrong(name, text, `a whole number from ${range.least} to ${range.most}`);
  }

  /** A whole number from 0 to `most`. */
  limit(name: OptionName, most: number): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const number = /^[0-9]+%?$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
    if (number <= most) return number;
    throw wrong(name, text, most === 100 ? 'a share in percent, 0 to 100' : 'a whole number');
  }

  /** The hex digits of `sha256:…`. */
  sha256(name: OptionName): string | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const hex = /^sha256:([0-9a-f]{64})$/.exec(text)?.[1];
    if (hex !== undefined) return hex;
    throw wrong(name, text, 'sha256: and 64 hex digits, as the review printed it');
  }

  port(name: OptionName): number | undefined {
    const text = this.optional(name);
    if (text === undefined) return undefined;
    const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
    if (port >= 1 && port <= 65_535) return port;
    throw wrong(name, text, 'a port, 1 to 65535');
  }

  /** In milliseconds. */
  duration(name: OptionName): number {
    const text = this.text(name);
    const durationMs = parseDuration(text);
    if (durationMs !== undefined && durationMs > 0) return durationMs;
    throw wrong(name, text, 'a time such as 90s, 5m or 1h');
  }

  /** The same; 0 as well. */
  age(name: OptionName): number {
    const text = this.text(name);
    const ageMs = text === '0' ? 0 : parseDuration(text);
    if (ageMs !== undefined) return ageMs;
    throw wrong(name, text, 'a time such as 90s, 5m or 1h, or 0');
  }

  #once(name: OptionName): string | boolean | undefined {
    const value = this.#raw[name];
    if (typeof value !== 'object') return value;
    throw new UsageError(`--${name} is given ${value.length} times.`, { next: 'Give it once.' });
  }

  list(name: OptionName): readonly string[] {
    const value = this.#raw[name];
    if (value === undefined) return [];
    return Array.isArray(value) ? value : [String(value)];
  }

  pairs(name: OptionName): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.list(name).map((text) => {
        const at = text.indexOf('=');
        if (at < 1) throw wrong(name, text, 'KEY=VALUE');
        return [text.slice(0, at), text.slice(at + 1)];
      }),
    );
  }
}

export function wrong(name: OptionName, text: string, expected: string): UsageError {
  return new UsageError(`--${name} is "${text}".`, { next: `Give ${expected}.` });
}
