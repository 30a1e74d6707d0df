<?php
// The test site's configuration; everything that differs between sites comes from the environment.
define( 'DB_NAME', getenv( 'TEST_WP_DB' ) );
define( 'DB_USER', 'wordpress' );
define( 'DB_PASSWORD', 'wordpress' );
define( 'DB_HOST', getenv( 'TEST_WP_DB_HOST' ) );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
foreach ( array( 'AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT' ) as $name ) {
	define( $name, 'test ' . $name );
}
define( 'WP_CONTENT_DIR', getenv( 'TEST_WP_CONTENT' ) );
if ( ! getenv( 'TEST_WP_NETWORK' ) ) {
	define( 'WP_HOME', getenv( 'TEST_WP_URL' ) );
	define( 'WP_SITEURL', getenv( 'TEST_WP_URL' ) );
}
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'DISABLE_WP_CRON', true );
define( 'WP_DEBUG', false );
if ( getenv( 'TEST_WP_MAIL_WHEN_DONE' ) ) {
	define( 'SYNCER_MAIL_WHEN_DONE', true );
}
if ( getenv( 'TEST_WP_NETWORK' ) ) {
	define( 'WP_ALLOW_MULTISITE', true );
	define( 'MULTISITE', true );
	define( 'SUBDOMAIN_INSTALL', false );
	define( 'DOMAIN_CURRENT_SITE', substr( getenv( 'TEST_WP_URL' ), 7 ) );
	define( 'PATH_CURRENT_SITE', '/' );
	define( 'SITE_ID_CURRENT_SITE', 1 );
	define( 'BLOG_ID_CURRENT_SITE', 1 );
}
$table_prefix = 'wp_';
defined( 'ABSPATH' ) || define( 'ABSPATH', __DIR__ . '/' );
require_once ABSPATH . 'wp-settings.php';
