/** What Node's network errors mean to the person in front of the program, and whether another try can help. */
import { plainText } from '../../domain/text.ts';

export interface NetworkTrouble {
  readonly words: string;
  readonly next: string;
  readonly temporary: boolean;
}

interface Meaning {
  readonly words: string;
  readonly advice: 'network' | 'certificate';
  readonly temporary: boolean;
}

const transient = (words: string): Meaning => ({ words, advice: 'network', temporary: true });
const lasting = (words: string): Meaning => ({ words, advice: 'network', temporary: false });
const certificate = (words: string): Meaning => ({ words, advice: 'certificate', temporary: false });

const CUT = transient('the connection was cut');
const NO_ROUTE = lasting('there is no route to it');
const UNTRUSTED = certificate('its TLS certificate is not signed by an authority that the kubeconfig trusts');

/** Node documentation, "Common system errors" and "X509 certificate error codes". */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: transient('the connection was refused'),
  ECONNRESET: CUT,
  EPIPE: CUT,
  ETIMEDOUT: transient('it did not answer in time'),
  EAI_AGAIN: transient('its name cannot be resolved at the moment'),
  ENOTFOUND: lasting('its name cannot be resolved'),
  EHOSTUNREACH: NO_ROUTE,
  ENETUNREACH: NO_ROUTE,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_HAS_EXPIRED: certificate('its TLS certificate has expired'),
  CERT_NOT_YET_VALID: certificate('its TLS certificate is not valid yet'),
  ERR_TLS_CERT_ALTNAME_INVALID: certificate('its TLS certificate is for another name'),
};

/** Explains the failure of a connection to a server, which may lead through a proxy. */
export function explainNetworkError(
  error: unknown,
  { proxy }: { proxy: string | undefined },
): NetworkTrouble {
  const code = errorCode(error);
  const meaning = MEANINGS[code] ?? lasting(ownWords(error) || code || 'for an unknown reason');
  return { words: meaning.words, temporary: meaning.temporary, next: advice(meaning, proxy) };
}

/** A time-out of ours, told like one of the system's. */
export function timeoutError(timeoutMs: number): Error {
  return Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
}

function advice({ advice: kind }: Meaning, proxy: string | undefined): string {
  if (kind === 'certificate')
    return 'Check the certificate-authority of the cluster in the kubeconfig, and whether something in between replaces certificates.';
  return proxy === undefined
    ? 'Check that the cluster runs and that you can reach it (VPN, firewall), or choose another --context.'
    : 'Check the proxy (HTTPS_PROXY, or proxy-url in the kubeconfig); NO_PROXY names the hosts that are reached directly.';
}

function errorCode(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

function ownWords(error: unknown): string {
  return error instanceof Error ? plainText(error.message, 200) : '';
}
