"""What every environment owes, a function for each law: `check` tries them on a game, the tests on all of ours."""
