/** The ways in which the registry can be reached. */

/**
 * - `pod`: HTTP, through connections that a pod of this program makes
 * - `port-forward`: HTTP, through a port that the API server forwards to the registry's own pod
 * - `direct`: HTTP, from this machine
 * - `skopeo`: Skopeo, in a pod or on this machine
 */
export const routes = ['pod', 'port-forward', 'direct', 'skopeo'] as const;
export type Route = (typeof routes)[number];

/** By HTTP the registry's answers are exact, and tags can be untied. */
export function speaksHttp(route: Route): boolean {
  return route !== 'skopeo';
}

/** For whoever finds one route closed; the program never takes another one by itself. */
export function otherRoutes(route: Route): string {
  const others = routes.filter((other) => other !== route).map((other) => `--via ${other}`);
  return `Other ways to the registry: ${others.join(', ')} (see --help).`;
}
