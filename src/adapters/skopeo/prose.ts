/**
 * What Skopeo's words mean: decided here and nowhere else. Skopeo has one exit status for every failure, so there is
 * nothing but its prose.
 *
 * Observed with Skopeo 1.9 (containers/image 5.22) against Docker Distribution 2.8 and a server that answers whatever
 * it is told to; for later ones read from the sources of containers/image 5.36 (`docker/errors.go`,
 * `docker/docker_image_src.go`), where a failed answer is worded by the registry's own error code.
 */
import type { RegistryFailure } from '../../domain/errors.ts';
import { parseLogLine } from './log.ts';

/** `missing`: the registry does not have the tag, the manifest or the repository (as it says: see `Registry`). */
export type Meaning = RegistryFailure | 'missing';

export interface Verdict {
  readonly meaning: Meaning;
  /** Skopeo's own reason, for people: one line without control characters. */
  readonly reason: string;
}

const REASON_LENGTH = 300;

/**
 * What Skopeo puts before the reason. Tags, repositories and hosts occur only here, and a tag may well be called
 * `404`: so these are taken off by their form before anything is looked for.
 */
const CONTEXTS: readonly RegExp[] = [
  /^Error parsing image name "[^"]*": /,
  /^Error listing repository tags: /,
  /^authenticating creds for "[^"]*": /,
  /^logging into "[^"]*": /,
  /^(?:reading|determining) manifest (?:MIME type )?\S+(?: in \S+)?: /,
  /^fetching tags list: /,
  /^deleting \S+: /,
  /^Failed to delete \S+: /,
  /^(?:Get|Head|Delete) "[^"]*": /,
];
const PINGING = /^pinging container registry \S+: /;

type StatusRule = { readonly pattern: RegExp; readonly byStatus: (status: number) => Meaning };
type Rule = { readonly pattern: RegExp; readonly meaning: Meaning } | StatusRule;

/** The first rule that fits decides. */
const RULES: readonly Rule[] = [
  // An HTTP status, where Skopeo names it: at the beginning or, after the answer's body, at the very end.
  { pattern: /^invalid status code from registry (\d{3}) \(/, byStatus: ofStatus },
  { pattern: /^received unexpected HTTP status: (\d{3})\b/, byStatus: ofStatus },
  { pattern: / ?\((\d{3}) [A-Za-z' -]+\)$/, byStatus: ofStatus },
  // An answer that is not a registry's: some web server's "not found" says nothing of a manifest.
  { pattern: /^StatusCode: (\d{3}), /, byStatus: (status) => (status === 404 ? 'other' : ofStatus(status)) },

  {
    pattern: /^Unable to delete \S+ Image may not exist or is not stored with a v2 Schema/,
    meaning: 'missing',
  },
  // The registry's error codes, in Skopeo's spelling or with their default message.
  { pattern: /^(?:manifest unknown|name unknown|repository name not known)\b/, meaning: 'missing' },
  { pattern: /^(?:unauthorized|authentication required)\b/, meaning: 'unauthorized' },
  { pattern: /^(?:unable to retrieve auth token: )?invalid username\/password/, meaning: 'unauthorized' },
  { pattern: /^(?:denied|requested access to the resource is denied)\b/, meaning: 'forbidden' },
  { pattern: /^(?:unsupported|The operation is unsupported)\b/, meaning: 'unsupported' },
  { pattern: /^(?:toomanyrequests|too many requests)\b/, meaning: 'temporary' },
  { pattern: /^(?:unavailable|service unavailable|unknown error|unknown$|unknown:)/, meaning: 'temporary' },

  // The way there.
  { pattern: /^http: server gave HTTP response to HTTPS client/, meaning: 'other' },
  { pattern: /(?:^|: )(?:tls|x509): /, meaning: 'other' },
  { pattern: /^(?:dial|read|write) (?:tcp|udp)\b/, meaning: 'temporary' },
  { pattern: /^(?:unexpected )?EOF$/, meaning: 'temporary' },
  {
    pattern: /(?:^|: )(?:context deadline exceeded|i\/o timeout|TLS handshake timeout)/,
    meaning: 'temporary',
  },
  { pattern: /^(?:net\/http: |http: |http2: )/, meaning: 'temporary' },
];

/** Says why a command failed; `status` is its exit status, `stderr` what it complained of. */
export function readFailure({ status, stderr }: { status: number; stderr: string }): Verdict {
  const message = fatalMessage(stderr);
  const { cause, pinging } = withoutContext(message);
  const meaning = ofExitStatus(status) ?? ofCause(cause);
  return {
    // Nothing is missing where not even the API's root is: that is no registry.
    meaning: pinging && meaning === 'missing' ? 'other' : meaning,
    reason: printable(cause) || `Skopeo ended with status ${status}`,
  };
}

/** Strips control characters and bounds the length. */
export function printable(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > REASON_LENGTH ? `${line.slice(0, REASON_LENGTH)}…` : line;
}

function ofStatus(status: number): Meaning {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'missing';
  if (status === 405) return 'unsupported';
  return status === 408 || status === 429 || status >= 500 ? 'temporary' : 'other';
}

/** Skopeo itself ends with 1. 128 + 9 and 128 + 15: the kernel, short of memory, or the end of the pod. */
function ofExitStatus(status: number): Meaning | undefined {
  if (status === 137 || status === 143) return 'temporary';
  return status === 126 || status === 127 ? 'other' : undefined;
}

function ofCause(cause: string): Meaning {
  for (const rule of RULES) {
    const found = rule.pattern.exec(cause);
    if (found !== null) return 'meaning' in rule ? rule.meaning : rule.byStatus(Number(found[1]));
  }
  return 'other';
}

function withoutContext(message: string): { cause: string; pinging: boolean } {
  let cause = message;
  let pinging = false;
  for (let context = contextOf(cause); context !== ''; context = contextOf(cause)) {
    pinging ||= PINGING.test(context);
    cause = cause.slice(context.length);
  }
  return { cause, pinging };
}

function contextOf(text: string): string {
  return (
    [...CONTEXTS, PINGING].map((context) => context.exec(text)?.[0]).find((found) => found !== undefined) ??
    ''
  );
}

function fatalMessage(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const fatal = lines.map(parseLogLine).findLast((line) => line?.level === 'fatal');
  return fatal?.message ?? lines.at(-1) ?? '';
}
