export { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded.ts';
export { hasEmbeddedPostgres, removeEmbeddedPostgres } from './home.ts';
