/* placeholder: removed with the first file of this room */
typedef int kb_base_placeholder;
