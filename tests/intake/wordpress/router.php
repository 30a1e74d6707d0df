<?php
// For `php -S`: what Apache's rewrite rules do for a site and for the sites of a subdirectory network.
$file = preg_replace( '#^/[a-z0-9]+(/(wp-.*|[^/]+\.php))$#', '$1', parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ) );
$full = __DIR__ . $file;
if ( is_dir( $full ) ) {
	$file = rtrim( $file, '/' ) . '/index.php';
	$full = __DIR__ . $file;
}
if ( ! is_file( $full ) ) {
	$file = '/index.php';
	$full = __DIR__ . $file;
}
if ( '.php' !== substr( $full, -4 ) ) {
	return false;
}
$_SERVER['SCRIPT_NAME']     = $file;
$_SERVER['PHP_SELF']        = $file;
$_SERVER['SCRIPT_FILENAME'] = $full;
chdir( dirname( $full ) );
require $full;
