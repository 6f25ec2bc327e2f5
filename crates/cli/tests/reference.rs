//! The reference page says what the program says. `UPDATE_EXPECT=1` writes it anew.

use expect_test::expect_file;

#[test]
fn the_page_of_commands_is_up_to_date() {
    expect_file!["../../../docs/reference/commands.md"].assert_eq(&auditward::reference::page());
}
