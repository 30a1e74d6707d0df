<?php
/**
 * Plugin Name:       Syncer Queue
 * Description:       Hands erasure requests and objections to syncer; Tools > Erase Personal Data shows how far they are.
 * Version:           6
 * Requires at least: 5.7
 * Requires PHP:      7.4
 * License:           MIT
 *
 * A must-use plugin for wp-content/mu-plugins. It INSERTs into syncer's queue and reads syncer's status table, where one
 * row is its own: the version above.
 *
 * @package Syncer
 */

defined( 'ABSPATH' ) || exit;
defined( 'SYNCER_QUEUE_TABLE' ) || define( 'SYNCER_QUEUE_TABLE', 'syncer_queue' ); // As [queue] table in settings.toml.
define( 'SYNCER_PLUGIN_VERSION', '6' ); // As in the head, which syncer reads.
defined( 'SYNCER_STATUS_TABLE' ) || define( 'SYNCER_STATUS_TABLE', 'syncer_wp_status' );

/** Returns the queue's CREATE TABLE, as dbDelta() writes it: one character set, compared byte by byte. */
function syncer_queue_schema() {
	global $wpdb;
	$nopad = $wpdb->get_var( "SHOW COLLATION WHERE Collation IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')" );
	$bin   = $nopad ? $nopad : 'utf8mb4_bin'; // In this one, blanks at the end make no difference.
	$table = SYNCER_QUEUE_TABLE;
	return "CREATE TABLE $table (
		id bigint(20) NOT NULL AUTO_INCREMENT,
		event_key varchar(191) NOT NULL,
		kind varchar(16) DEFAULT NULL,
		email varchar(320) DEFAULT NULL,
		received_at datetime(6) DEFAULT NULL,
		source varchar(64) DEFAULT NULL,
		source_ref varchar(191) DEFAULT NULL,
		created_at datetime(6) DEFAULT NULL,
		taken_at datetime(6) DEFAULT NULL,
		PRIMARY KEY  (id),
		UNIQUE KEY event_key (event_key),
		KEY ix_{$table}_taken (taken_at,id)
	) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=$bin;";
}

/** Creates the queue once for a whole network, unless the table is there already. */
function syncer_create_queue() {
	global $wpdb;
	$there = $wpdb->prepare( 'SHOW TABLES LIKE %s', $wpdb->esc_like( SYNCER_QUEUE_TABLE ) );
	if ( '1:' . SYNCER_QUEUE_TABLE === get_site_option( 'syncer_queue' ) ) {
		return;
	}
	if ( $wpdb->get_var( $there ) || $wpdb->query( syncer_queue_schema() ) ) { // phpcs:ignore
		update_site_option( 'syncer_queue', '1:' . SYNCER_QUEUE_TABLE );
	}
}
add_action( 'admin_init', 'syncer_create_queue' );

/** Says whether whoever is at work may erase other people, as core's own screen asks it, or is no visitor at all. */
function syncer_may_erase() {
	return current_user_can( 'erase_others_personal_data' ) || ( defined( 'WP_CLI' ) && WP_CLI ) || wp_doing_cron();
}

/**
 * Keeps requests to the privacy screen. Core registers them with the rights of posts, so that by XML-RPC or Quick Edit a
 * contributor makes a completed one and an editor changes another's. The screen itself asks for none of these rights.
 */
function syncer_guard_requests( $args, $type ) {
	if ( 'user_request' === $type ) {
		$of_one  = array( 'edit_post', 'read_post', 'delete_post' );
		$edit    = array( 'create_posts', 'edit_posts', 'edit_others_posts', 'edit_private_posts', 'edit_published_posts' );
		$delete  = array( 'delete_posts', 'delete_others_posts', 'delete_private_posts', 'delete_published_posts' );
		$all     = array_merge( $of_one, $edit, $delete, array( 'publish_posts', 'read_private_posts' ) );
		$guarded = array( 'capabilities' => array_fill_keys( $all, 'erase_others_personal_data' ) );
		$args    = array_merge( $args, array( 'map_meta_cap' => false ), $guarded );
	}
	return $args;
}
add_filter( 'register_post_type_args', 'syncer_guard_requests', PHP_INT_MAX, 2 );

/** Says whether a row that still waits has this key and is about somebody else. */
function syncer_is_of_another( $key, $email ) {
	global $wpdb;
	$found = $wpdb->get_var( $wpdb->prepare( 'SELECT email FROM `' . SYNCER_QUEUE_TABLE . '` WHERE event_key = %s', $key ) ); // phpcs:ignore
	return null !== $found && $found !== $email;
}

/** Inserts one event in one statement, unless its key is there already. Returns true or a WP_Error. */
function syncer_enqueue( $kind, $email, $key, $source, $request = 0, $received_at = '' ) {
	global $wpdb;
	$email = wp_specialchars_decode( (string) $email, ENT_QUOTES );
	$ref   = $request ? get_current_blog_id() . ':' . $request : '';
	$code  = 'syncer_address';
	if ( strlen( $email ) <= 254 && false !== strpos( $email, '@' ) && preg_match( '//u', $email ) ) {
		syncer_create_queue();
		$quiet = $wpdb->suppress_errors( true ); // WordPress would log the query, and the address with it.
		$sql   = 'INSERT IGNORE INTO `' . SYNCER_QUEUE_TABLE . "` (event_key, kind, email, received_at, source, source_ref, created_at) VALUES (%s, %s, %s, NULLIF(%s, ''), %s, NULLIF(%s, ''), UTC_TIMESTAMP(6))";
		$time  = (int) $received_at ? $received_at : '';
		$from  = substr( sanitize_key( $source ), 0, 64 );
		$done  = $wpdb->query( $wpdb->prepare( $sql, $key, $kind, $email, $time, $from, $ref ) ); // phpcs:ignore
		if ( 0 === $done && syncer_is_of_another( $key, $email ) ) { // Else this person would be forgotten.
			$own  = "$key:" . substr( hash_hmac( 'sha256', $email, wp_salt() ), 0, 16 );
			$done = $wpdb->query( $wpdb->prepare( $sql, $own, $kind, $email, $time, $from, $ref ) ); // phpcs:ignore
		}
		$wpdb->suppress_errors( $quiet );
		if ( false !== $done ) {
			return true;
		}
		delete_site_option( 'syncer_queue' ); // The table may be gone: the next load looks again.
		$code = 'syncer_queue';
	}
	error_log( "syncer: not queued ($code): $kind from $source $ref" ); // phpcs:ignore
	do_action( 'syncer_enqueue_failed', $kind, $source, $ref, $code );
	return new WP_Error( $code, __( 'The mailing lists could not be told; the request stays open. Try again.', 'syncer' ) );
}

/** Queues an event that belongs to no request: once for each key, or once a second without a key. */
function syncer_enqueue_once( $kind, $email, $once_key, $source ) {
	$once = '' === (string) $once_key ? gmdate( 'YmdHis' ) : $once_key;
	// Keyed: a plain hash could be guessed. With its length: a|b of c@x.test is not a of b|c@x.test.
	$hash = substr( hash_hmac( 'sha256', strlen( $once ) . ":$once|$email", wp_salt() ), 0, 40 );
	return syncer_enqueue( $kind, $email, "$kind:" . get_current_blog_id() . ":$hash", $source );
}

/** Returns the key of a run, made of the request as it was before; eraser and net make the same one. */
function syncer_request_key( $before ) {
	$modified = preg_replace( '/\D/', '', $before->post_modified_gmt );
	return 'erasure:' . get_current_blog_id() . ":$before->ID:$before->post_status:$modified";
}

/** Queues the run of a request that begins now, once in each call of PHP. Returns true or a WP_Error. */
function syncer_enqueue_request( $post, $email ) {
	static $asked  = array();
	$key           = syncer_request_key( $post );
	$asked[ $key ] = $asked[ $key ] ?? syncer_enqueue( 'erasure', $email, $key, 'eraser', $post->ID, $post->post_date_gmt );
	return $asked[ $key ];
}

/** Notices the click on "Erase personal data" before anything else runs: other plugins' erasers and filters may die. */
function syncer_click() {
	$id    = absint( $_POST['id'] ?? 0 ); // phpcs:ignore -- the nonce is looked at below.
	$nonce = $_REQUEST['security'] ?? ''; // phpcs:ignore
	$first = 1 === absint( $_POST['eraser'] ?? 0 ) && 1 === absint( $_POST['page'] ?? 0 ); // phpcs:ignore
	$may   = current_user_can( 'erase_others_personal_data' ) && current_user_can( 'delete_users' ); // As core asks.
	if ( ! $first || ! $may || ! is_string( $nonce ) || ! wp_verify_nonce( $nonce, "wp-privacy-erase-personal-data-$id" ) ) {
		return; // Core says what is wrong.
	}
	$post = get_post( $id );
	if ( $post && 'user_request' === $post->post_type && 'remove_personal_data' === $post->post_name ) {
		syncer_enqueue_request( $post, $post->post_title ); // A failure is told by the eraser.
	}
}
add_action( 'wp_ajax_wp-privacy-erase-personal-data', 'syncer_click', PHP_INT_MIN );

/** Returns the request whose address core's screen hands to the erasers, or null: elsewhere $_POST says nothing. */
function syncer_request_of( $email ) {
	$screen = doing_action( 'wp_ajax_wp-privacy-erase-personal-data' ) && syncer_may_erase();
	$post   = $screen ? get_post( absint( $_POST['id'] ?? 0 ) ) : null; // phpcs:ignore -- core has looked at the nonce.
	return $post && 'user_request' === $post->post_type && $post->post_title === $email ? $post : null;
}

/** The eraser: the one place where a failure keeps the request open. */
function syncer_erase_request( $email ) {
	$post = syncer_request_of( $email );
	if ( $post ) {
		$queued = syncer_enqueue_request( $post, $email );
	} else { // WP-CLI and other plugins give no request.
		$queued = syncer_enqueue_once( 'erasure', $email, gmdate( 'YmdHi' ), 'eraser' );
	}
	if ( is_wp_error( $queued ) ) {
		return $queued;
	}
	$known = syncer_status( 'destinations' );
	$names = $known ? implode( ', ', array_column( $known->lines, 'name' ) ) : __( 'the mailing lists', 'syncer' );
	/* translators: %s: names of mailing-list providers. */
	$text = sprintf( __( 'Queued, not done yet: %s will be told to erase this person. The column "Mailing lists" shows what becomes of it.', 'syncer' ), $names );
	return array(
		'items_removed'  => false,
		'items_retained' => true,
		'messages'       => array( esc_html( $text ) ),
		'done'           => true,
	);
}

/** The eraser where the list of erasers is broken: completing would hide that WordPress' own erasers never ran. */
function syncer_erase_request_only( $email ) {
	$done = syncer_erase_request( $email );
	$text = __( 'The mailing lists will be told, but WordPress erased nothing: another plugin broke the list of erasers. The request stays open.', 'syncer' );
	return is_wp_error( $done ) ? $done : new WP_Error( 'syncer_erasers', $text );
}

/** Puts the eraser first: whichever dies behind it, the lists are told. */
function syncer_erasers( $erasers ) {
	$whole  = is_array( $erasers );
	$eraser = array(
		'eraser_friendly_name' => 'syncer',
		'callback'             => $whole ? 'syncer_erase_request' : 'syncer_erase_request_only',
	);
	$whole || error_log( "syncer: another plugin's filter returned no list of erasers" ); // phpcs:ignore
	return array( 'syncer' => $eraser ) + ( $whole ? $erasers : array() );
}
add_filter( 'wp_privacy_personal_data_erasers', 'syncer_erasers', PHP_INT_MAX );

/** The net: catches "Complete request", which runs no eraser. */
function syncer_request_completed( $id, $after, $before ) {
	$erasure = 'user_request' === $after->post_type && 0 === strpos( $after->post_name, 'remove_personal_data' );
	if ( ! $erasure || 'request-completed' !== $after->post_status || 'request-completed' === $before->post_status ) {
		return;
	}
	if ( syncer_may_erase() ) {
		syncer_enqueue( 'erasure', $after->post_title, syncer_request_key( $before ), 'completed', $id, $after->post_date_gmt );
	} else { // Of such a request the sweep judges by what core wrote beside it.
		error_log( "syncer: not queued (syncer_right): request $id was completed by somebody who may not erase" ); // phpcs:ignore
	}
}
add_action( 'post_updated', 'syncer_request_completed', PHP_INT_MIN, 3 );

// For forms and other plugins: do_action( 'syncer_object', $email, $once_key, $source ), and syncer_erase alike.
add_action( 'syncer_object', fn( $email, $once_key = '', $source = 'object' ) => syncer_enqueue_once( 'objection', $email, $once_key, $source ), 10, 3 );
add_action( 'syncer_erase', fn( $email, $once_key = '', $source = 'erase' ) => syncer_enqueue_once( 'erasure', $email, $once_key, $source ), 10, 3 );
foreach ( array( 'fluentcrm_subscriber_status_to_unsubscribed', 'fluentcrm_subscriber_status_to_complained', 'fluent_crm/subscriber_unsubscribed_from_web_ui' ) as $syncer_hook ) {
	add_action( $syncer_hook, fn( $subscriber ) => do_action( 'syncer_object', $subscriber->email, '', 'fluentcrm' ) );
}

/** Closing an account is not an erasure request, unless the site's filter says so. */
function syncer_deleted_user( $id, $reassign, $user ) {
	// On a network the user may only have left one site, and still be there.
	if ( ! get_userdata( $id ) && apply_filters( 'syncer_erase_deleted_users', false, $user ) ) {
		syncer_enqueue_once( 'erasure', $user->user_email, "user:$id:$user->user_registered", 'deleted_user' );
	}
}
add_action( 'deleted_user', 'syncer_deleted_user', 10, 3 );

/** Returns what syncer last reported about "blog:request", its lines decoded, or null. */
function syncer_status( $request ) {
	global $wpdb;
	$quiet = $wpdb->suppress_errors( true ); // The table is syncer's, and may not be there yet.
	$row   = $wpdb->get_row( $wpdb->prepare( 'SELECT state, destinations, due_on, updated_at FROM `' . SYNCER_STATUS_TABLE . '` WHERE request = %s', $request ) ); // phpcs:ignore
	$wpdb->suppress_errors( $quiet );
	if ( $row ) {
		$row->lines = (array) json_decode( $row->destinations, true );
	}
	return $row;
}

/** Says which version this is, so that `syncer status` can name a plugin that is older than syncer. */
function syncer_say_version() {
	global $wpdb;
	$said = syncer_status( 'plugin' );
	if ( ! $said || SYNCER_PLUGIN_VERSION !== $said->state ) {
		$quiet = $wpdb->suppress_errors( true );
		$wpdb->query( $wpdb->prepare( 'REPLACE INTO `' . SYNCER_STATUS_TABLE . "` (request, state, destinations, updated_at) VALUES ('plugin', %s, '[]', UTC_TIMESTAMP(6))", SYNCER_PLUGIN_VERSION ) ); // phpcs:ignore
		$wpdb->suppress_errors( $quiet );
	}
}
add_action( 'load-erase-personal-data.php', 'syncer_say_version' );

/** Says whether erasing was begun, by a click, from the state in which the request still is. */
function syncer_is_begun( $id ) {
	global $wpdb;
	$quiet = $wpdb->suppress_errors( true );
	$found = $wpdb->get_var( $wpdb->prepare( 'SELECT 1 FROM `' . SYNCER_QUEUE_TABLE . '` WHERE event_key = %s', syncer_request_key( get_post( $id ) ) ) ); // phpcs:ignore
	$wpdb->suppress_errors( $quiet );
	return (bool) $found;
}

/** Returns a day as this site writes it: the same day in every time zone. */
function syncer_day( $day ) {
	return wp_date( get_option( 'date_format' ), strtotime( "$day UTC" ), new DateTimeZone( 'UTC' ) );
}

/** Returns a moment as this site writes it, of today the time alone. */
function syncer_moment( $moment ) {
	$at    = strtotime( $moment );
	$today = wp_date( 'Ymd', $at ) === wp_date( 'Ymd' );
	return wp_date( get_option( $today ? 'time_format' : 'date_format' ), $at );
}

/** Returns the sign of a recipient that is closed, by how sure anybody can be of it; "" for one that is not. */
function syncer_sign( $line ) {
	$signs = array(
		'confirmed'      => '✓',
		'accepted'       => '→',
		'attested'       => '✎',
		'not_applicable' => '∅',
		'exempt'         => '§',
	);
	return $signs[ $line['state'] ] ?? '';
}

/** Returns what is said of one recipient: "confirmed" of one that was read back, and of no other. */
function syncer_said( $line ) {
	switch ( $line['state'] ) {
		case 'confirmed':
			/* translators: %s: time of day, or date. */
			return sprintf( __( 'confirmed, read back %s', 'syncer' ), syncer_moment( $line['at'] ?? 'now' ) );
		case 'accepted':
			$said = __( 'passed on, cannot be checked', 'syncer' );
			/* translators: %s: date. */
			$until = __( 'passed on, cannot be checked; through by %s', 'syncer' );
			return isset( $line['settles_on'] ) ? sprintf( $until, syncer_day( $line['settles_on'] ) ) : $said;
		case 'attested':
			$refused = 'refused' === ( $line['why'] ?? '' );
			return $refused ? __( 'settled by a person: it refused', 'syncer' ) : __( 'settled by a person', 'syncer' );
		case 'not_applicable':
			$never = 'right_not_offered' === ( $line['why'] ?? '' );
			$said  = $never ? __( 'does not apply', 'syncer' ) : __( 'cannot be found there', 'syncer' );
			/* translators: 1: what is said of a recipient, 2: date. */
			$until = __( '%1$s; its data ends by itself by %2$s', 'syncer' );
			return isset( $line['lapses_on'] ) ? sprintf( $until, $said, syncer_day( $line['lapses_on'] ) ) : $said;
	}
	$words = array(
		'pending'   => __( 'waiting', 'syncer' ),
		'trial'     => __( 'trial: nothing is carried out', 'syncer' ),
		'retrying'  => __( 'waiting, will be tried again', 'syncer' ),
		'applied'   => __( 'asked for, being checked', 'syncer' ),
		'held'      => __( 'needs a decision in syncer', 'syncer' ),
		'exempt'    => __( 'not told, by decision', 'syncer' ),
		'withdrawn' => __( 'not asked any further', 'syncer' ),
	);
	/* translators: %s: a word of a newer syncer. */
	$unknown = __( '"%s", which this version of the plugin does not know', 'syncer' );
	return $words[ $line['state'] ] ?? sprintf( $unknown, $line['state'] );
}

/** Returns how many recipients of a request that is closed are known how surely, "2 read back, 1 passed on". */
function syncer_told_apart( $lines ) {
	$kinds = array();
	foreach ( $lines as $line ) {
		$again          = 'applied' === $line['state'] ? 'confirmed' : $line['state']; // It was read back, and is once more.
		$kind           = 'right_not_offered' === ( $line['why'] ?? '' ) ? 'right_not_offered' : $again;
		$kinds[ $kind ] = ( $kinds[ $kind ] ?? 0 ) + 1;
	}
	$number = fn( $kind ) => $kinds[ $kind ] ?? 0;
	$said   = array(
		/* translators: %d: number of recipients; so in the lines that follow. */
		'confirmed'         => _n( '%d read back', '%d read back', $number( 'confirmed' ), 'syncer' ),
		'accepted'          => _n( '%d passed on', '%d passed on', $number( 'accepted' ), 'syncer' ),
		'attested'          => _n( '%d settled by a person', '%d settled by a person', $number( 'attested' ), 'syncer' ),
		'not_applicable'    => _n( '%d cannot be found there', '%d cannot be found there', $number( 'not_applicable' ), 'syncer' ),
		'right_not_offered' => _n( '%d does not apply', '%d do not apply', $number( 'right_not_offered' ), 'syncer' ),
		'exempt'            => _n( '%d not told', '%d not told', $number( 'exempt' ), 'syncer' ),
	);
	$counted = array_intersect_key( $said, $kinds );
	return implode( ', ', array_map( fn( $kind ) => sprintf( $counted[ $kind ], $kinds[ $kind ] ), array_keys( $counted ) ) );
}

/** Returns how a request stands as a whole; "" where its recipients say it all. */
function syncer_standing( $row, $request ) {
	if ( 'withdrawn' === $row->state ) {
		return __( 'Withdrawn in syncer: it was submitted by mistake', 'syncer' );
	}
	if ( 'answered' === $row->state ) {
		/* translators: %s: how many recipients are known how surely. */
		$closed = sprintf( __( 'Closed, not everywhere read back: %s.', 'syncer' ), syncer_told_apart( $row->lines ) );
		$waits  = get_post_meta( $request, '_syncer_mail_due', true );
		return $waits ? "$closed " . __( 'WordPress sends no mail that it was fulfilled: answer the person yourself.', 'syncer' ) : $closed;
	}
	/* translators: %s: date. */
	return 'fulfilled' === $row->state ? '' : sprintf( __( 'Answer due by %s', 'syncer' ), syncer_day( $row->due_on ) );
}

/** Prints the column's cell. */
function syncer_show_status( $column, $request ) {
	if ( 'syncer' !== $column || ! current_user_can( 'erase_others_personal_data' ) ) {
		return;
	}
	$row   = syncer_status( get_current_blog_id() . ":$request->ID" );
	$ended = 'request-completed' === $request->status;
	$begun = ! $ended && syncer_is_begun( $request->ID );
	echo $begun ? '<em>' . esc_html__( 'Erasing was begun, and WordPress has not finished it.', 'syncer' ) . '</em><br>' : '';
	if ( ! $row || ( $ended && (int) $request->completed_timestamp > strtotime( "$row->updated_at UTC" ) ) ) {
		$text = $row ? __( 'Completed after the last report, which said:', 'syncer' ) : __( 'No report from syncer yet', 'syncer' );
		echo $row || $ended || $begun ? '<em>' . esc_html( $text ) . '</em><br>' : '&#8212;';
	}
	foreach ( $row ? $row->lines : array() as $line ) {
		$sign = syncer_sign( $line );
		echo $sign ? '<span aria-hidden="true">' . esc_html( $sign ) . '</span> ' : '';
		echo esc_html( $line['name'] . ': ' . syncer_said( $line ) ) . '<br>';
	}
	echo $row ? esc_html( syncer_standing( $row, $request->ID ) ) : '';
	if ( $row && syncer_console_secret() ) {
		$url = wp_nonce_url( admin_url( "admin-post.php?action=syncer_console&request=$request->ID" ), 'syncer_console' );
		echo '<br><a href="' . esc_url( $url ) . '">' . esc_html__( 'Open in syncer', 'syncer' ) . '</a>';
	}
}
add_action( 'manage_erase-personal-data_custom_column', 'syncer_show_status', 10, 2 );
// "Next steps" stays last.
add_filter( 'manage_erase-personal-data_columns', fn( $columns ) => array_slice( $columns, 0, -1 ) + array( 'syncer' => __( 'Mailing lists', 'syncer' ) ) + $columns );

/** With SYNCER_MAIL_WHEN_DONE, mails "Erasure Request Fulfilled" once every list was read back, or exempted, not before. */
function syncer_mail_when_done() {
	$due = array(
		'post_type'   => 'user_request',
		'post_status' => 'request-completed',
		'meta_key'    => '_syncer_mail_due', // phpcs:ignore
		'fields'      => 'ids',
		'numberposts' => -1,
	);
	foreach ( get_posts( $due ) as $id ) {
		$row = syncer_status( get_current_blog_id() . ":$id" );
		if ( $row && 'fulfilled' === $row->state ) {
			_wp_privacy_send_erasure_fulfillment_notification( $id ); // Sends once: it looks at _wp_user_notified.
			get_post_meta( $id, '_wp_user_notified', true ) && delete_post_meta( $id, '_syncer_mail_due' );
		}
	}
}
if ( defined( 'SYNCER_MAIL_WHEN_DONE' ) && SYNCER_MAIL_WHEN_DONE ) {
	add_action( 'admin_init', fn() => remove_action( 'wp_privacy_personal_data_erased', '_wp_privacy_send_erasure_fulfillment_notification' ) );
	add_action( 'admin_init', fn() => wp_next_scheduled( 'syncer_mail_when_done' ) || wp_schedule_event( time(), 'hourly', 'syncer_mail_when_done' ) );
	add_action( 'wp_privacy_personal_data_erased', fn( $id ) => update_post_meta( $id, '_syncer_mail_due', 1 ) );
	add_action( 'syncer_mail_when_done', 'syncer_mail_when_done' );
}

/** Returns the secret that this site and syncer's console both know, or "" where wp-config.php names none. */
function syncer_console_secret() {
	$named = defined( 'SYNCER_CONSOLE_URL' ) && defined( 'SYNCER_CONSOLE_SECRET_FILE' );
	$text  = $named && is_readable( SYNCER_CONSOLE_SECRET_FILE ) ? file_get_contents( SYNCER_CONSOLE_SECRET_FILE ) : ''; // phpcs:ignore
	return strlen( trim( (string) $text ) ) >= 32 ? trim( $text ) : '';
}

/** Returns a ticket with which whoever is signed in here goes over to syncer's console, once and within a minute. */
function syncer_console_ticket( $secret, $to ) {
	$said = array(
		'iss' => network_home_url( '/' ),
		'aud' => SYNCER_CONSOLE_URL,
		'sub' => get_current_blog_id() . ':' . get_current_user_id(),
		'iat' => time(),
		'exp' => time() + 60,
		'jti' => bin2hex( random_bytes( 16 ) ),
		'to'  => $to,
	);
	$json  = wp_json_encode( $said, JSON_UNESCAPED_SLASHES );
	$mac   = hash_hmac( 'sha256', "syncer-ticket-v1$json", $secret, true );
	$plain = fn( $octets ) => rtrim( strtr( base64_encode( $octets ), '+/', '-_' ), '=' ); // phpcs:ignore
	return $plain( $json ) . '.' . $plain( $mac );
}

/** Shows the one button that goes over; a ticket must never stand in an address. */
function syncer_open_console() {
	check_admin_referer( 'syncer_console' );
	$secret = syncer_console_secret();
	if ( ! $secret || ! current_user_can( 'erase_others_personal_data' ) ) {
		wp_die( esc_html__( 'You may not do this.', 'syncer' ), '', 403 );
	}
	$request = get_current_blog_id() . ':' . absint( $_GET['request'] ?? 0 );
	$form    = '<p>%s</p><form method="post" action="%s"><input type="hidden" name="ticket" value="%s"><button class="button">%s</button></form>';
	$action  = trailingslashit( SYNCER_CONSOLE_URL ) . 'sign-in/wordpress';
	nocache_headers();
	wp_die(
		sprintf( // phpcs:ignore -- each part is escaped.
			$form,
			esc_html__( 'You are about to leave WordPress for syncer. The button works for one minute.', 'syncer' ),
			esc_url( $action ),
			esc_attr( syncer_console_ticket( $secret, "/requests/$request/" ) ),
			esc_html__( 'Open in syncer', 'syncer' )
		),
		esc_html__( 'Open in syncer', 'syncer' ),
		200
	);
}
add_action( 'admin_post_syncer_console', 'syncer_open_console' );
