<?php
// A must-use plugin of the test site only: a sender that PHPMailer accepts, and a place to stop at.
add_filter( 'wp_mail_from', fn() => 'wordpress@site.test' );
add_filter(
	'wp_privacy_personal_data_erasure_page',
	function ( $response, $index, $email, $page, $request, $eraser ) {
		// Core completes the request at priority 10: here all erasers have run and nothing is completed yet.
		while ( 'wordpress-comments' === $eraser && file_exists( WP_CONTENT_DIR . '/stop-before-completing' ) ) {
			usleep( 50000 );
		}
		return $response;
	},
	1,
	6
);
