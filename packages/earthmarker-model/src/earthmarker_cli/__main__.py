"""``python -m earthmarker_cli``, which ``accelerate launch -m`` starts too."""

from earthmarker_cli.app import main

if __name__ == "__main__":
    main()
