/*
 * The command `npm run migrate`. It always runs: it does not ask whether it is
 * the main module, because a comparison of paths answers "no" when the program
 * is started through a symbolic link, and the command would do nothing and
 * exit 0. What can be imported is in migrator.ts.
 */
import { ConfigurationError, EXIT_CONFIGURATION, loadEnvironment, parseDatabaseConfig } from './config.js';
import { migrate } from './migrator.js';

async function main(): Promise<number> {
  const unknown = process.argv.slice(2).filter((word) => word !== '--dry-run');
  if (unknown.length > 0) {
    console.error(`usage: migrate [--dry-run]   (not ${unknown.join(' ')})`);
    return 64;
  }
  try {
    const { values, warning } = loadEnvironment(process.env);
    if (warning !== undefined) console.error(warning);
    const { database } = parseDatabaseConfig(values);
    console.log(`database ${database.description}`);
    await migrate(database.connection, { dryRun: process.argv.includes('--dry-run'), print: console.log });
    return 0;
  } catch (error) {
    console.error(`migrate: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof ConfigurationError ? EXIT_CONFIGURATION : 1;
  }
}

process.exitCode = await main();
