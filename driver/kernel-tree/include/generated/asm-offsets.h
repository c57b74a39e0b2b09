/* Empty: no assembly here uses offsets of members. */
