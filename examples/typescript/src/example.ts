// A client generated from Comptoir's OpenAPI document, used against a demo server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { randomUUID } from 'node:crypto';

import type { Auth } from '../client/client/index.js';
import { client } from '../client/client.gen.js';
import {
  finishProcess,
  generateStatistics,
  listSchedules,
  readInfo,
  reportProcess,
  runTokenGeneration,
  updateInfo,
} from '../client/sdk.gen.js';
import type { Schedule } from '../client/types.gen.js';

/** What the demo's ready line says, as far as it is used here. */
interface Demo {
  url: string;
  password: string;
  api_token: { secret: string };
}

/** Some operations take Basic and a bare SID too: this answers the client only when it asks for Bearer. */
function bearer(token: string): { auth: (scheme: Auth) => string | undefined } {
  return { auth: (scheme) => (scheme.scheme === 'bearer' ? token : undefined) };
}

async function use(demo: Demo): Promise<void> {
  client.setConfig({ baseUrl: demo.url, throwOnError: true });

  const { data: token } = await runTokenGeneration({
    body: { username: 'olena', password: demo.password },
    throwOnError: true,
  });
  const auth = bearer(token);

  const { data: user } = await readInfo({ ...auth, throwOnError: true });
  console.log(`${user.username} of ${user.company_key}: ${user.specification}`);

  // What is refused is an object of the contract's own shape.
  const refused = await updateInfo({ ...auth, body: { email: 'no address' }, throwOnError: false });
  console.log(`refused with ${refused.response.status}:`, refused.error);
  if (refused.response.status !== 400) throw new Error('a bad address was taken');

  const connector = bearer(demo.api_token.secret);
  const code = randomUUID();
  await reportProcess({
    ...connector,
    body: {
      process_code: code,
      start: { username: 'olena', service: 'ROUTING', process_type: 'MATRIX', points_count: 12 },
    },
    throwOnError: true,
  });
  const finish = { status: 'FINISHED_IN_TIME', elements: 144 } as const;
  const { data: ended } = await finishProcess({
    ...connector,
    path: { process_code: code },
    body: finish,
    throwOnError: true,
  });
  console.log(`process ${ended.status}, ${ended.points} points, counts for ${ended.day}`);

  const { data: used } = await generateStatistics({
    ...auth,
    query: { from: ended.day, to: ended.day, service: 'ROUTING' },
    throwOnError: true,
  });
  console.log('that day:', JSON.stringify(used.dates));
  if (used.dates[0]?.services[0]?.processes[0]?.points_per_day !== 12) throw new Error('it does not count');

  const { data: schedules } = await listSchedules({ ...auth, query: { gln: '4820000001007' }, throwOnError: true });
  console.log('schedules:', schedules.map((schedule: Schedule) => schedule.name).join(', '));
}

const server = spawn(process.env.COMPTOIR_BIN ?? 'comptoir', ['demo', '--json', '--listen', '127.0.0.1:0'], {
  env: { ...process.env, COMPTOIR_LOG: 'warn' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(server, 'exit');
try {
  // Printed once it listens, so there is nothing to poll for.
  const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
  await use(JSON.parse(line) as Demo);
} finally {
  server.kill('SIGTERM');
  await ended;
}
