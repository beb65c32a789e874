"""What this project costs, each time beside the least that would do. Run by ``just bench``."""
