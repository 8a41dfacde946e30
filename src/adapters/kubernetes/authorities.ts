/** Whom a connection trusts when the kubeconfig names no certificate authority. */
import tls from 'node:tls';

/**
 * Like kubectl, the authorities of the system as well, where a company puts its own: Node by itself only trusts those
 * that it brings along. `undefined` when that comes to the same, or the system's cannot be read: Node's own are much
 * faster to use than a list of them.
 */
export function systemAuthorities(): string[] | undefined {
  try {
    // Node has this function since 22.15.
    const usual = new Set(tls.getCACertificates?.('default'));
    const more = tls.getCACertificates?.('system').filter((authority) => !usual.has(authority)) ?? [];
    return more.length > 0 ? [...usual, ...more] : undefined;
  } catch {
    return undefined;
  }
}
