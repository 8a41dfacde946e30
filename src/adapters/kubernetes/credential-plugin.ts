/** What a credential plugin is told about the cluster (client.authentication.k8s.io, `ExecCredential`). */
import { readFileSync } from 'node:fs';
import { isObject } from '../../domain/json.ts';
import { type Fields, fieldText } from './kubeconfig-file.ts';

const EXEC_INFO = 'KUBERNETES_EXEC_INFO';
/** The extension of a cluster whose content is meant for plugins. */
const EXTENSION = 'client.authentication.k8s.io/exec';

/** The `exec` of a user with the variable that client-node does not set, and without which some plugins do not work. */
export function withExecInfo(exec: Fields, cluster: Fields): Fields {
  const apiVersion = fieldText(exec, 'apiVersion');
  // An ExecCredential without its version could not be read; plugins have a default for when there is none.
  if (apiVersion === '') return exec;
  const spec = {
    interactive: false,
    ...(exec['provideClusterInfo'] === true && { cluster: clusterInfo(cluster) }),
  };
  const value = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec });
  return { ...exec, env: [...(Array.isArray(exec['env']) ? exec['env'] : []), { name: EXEC_INFO, value }] };
}

/** Without the fields that the kubeconfig does not have: JSON leaves out what is `undefined`. */
function clusterInfo(cluster: Fields): Fields {
  const extensions = Array.isArray(cluster['extensions']) ? cluster['extensions'].filter(isObject) : [];
  return {
    server: cluster['server'],
    'tls-server-name': cluster['tls-server-name'],
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
    'certificate-authority-data': authorityData(cluster),
    'proxy-url': cluster['proxy-url'],
    config: extensions.find(({ name }) => name === EXTENSION)?.['extension'],
  };
}

function authorityData(cluster: Fields): string | undefined {
  const file = fieldText(cluster, 'certificate-authority');
  const data = fieldText(cluster, 'certificate-authority-data');
  if (data !== '' || file === '') return data || undefined;
  try {
    return readFileSync(file).toString('base64');
  } catch {
    // The connection, which needs it as well, tells what is wrong with it.
    return undefined;
  }
}
