<?php
// Prints the cell of the column "Mailing lists" for what stands in the status table, given as JSON on standard input. In
// WordPress' place stand those of its functions that the cell is made with, as they are in an English site.
define( 'ABSPATH', '/' );
date_default_timezone_set( 'UTC' ); // As WordPress does.

$given = json_decode( stream_get_contents( STDIN ) );

$wpdb = new class( $given->row ) {
	private $row;
	public function __construct( $row ) {
		$this->row = $row;
	}
	public function suppress_errors() {
		return false;
	}
	public function prepare( $query ) {
		return $query;
	}
	public function get_row() {
		return $this->row;
	}
};

function add_action() {}
function add_filter() {}
function current_user_can() {
	return true;
}
function get_current_blog_id() {
	return 1;
}
function __( $text ) {
	return $text;
}
function _n( $one, $many, $number ) {
	return 1 === $number ? $one : $many;
}
function esc_html( $text ) {
	return htmlspecialchars( $text, ENT_QUOTES );
}
function esc_html__( $text ) {
	return esc_html( $text );
}
function get_option( $name ) {
	return 'date_format' === $name ? 'F j, Y' : 'g:i a';
}
function get_post_meta() {
	global $given;
	return $given->mail_due ? '1' : '';
}
function wp_date( $format, $at = null, $zone = null ) {
	global $given;
	return ( new DateTime( '@' . ( $at ?? time() ) ) )->setTimezone( $zone ?? new DateTimeZone( $given->zone ) )->format( $format );
}

require $argv[1];
$request = array(
	'ID'                  => 7,
	'status'              => 'request-completed',
	'completed_timestamp' => '0',
);
syncer_show_status( 'syncer', (object) $request );
