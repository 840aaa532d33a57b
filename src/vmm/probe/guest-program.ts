/** Where the loader puts the program, and where it begins. */
export const probeAddress = 0x100000;

/** What the program writes first on the serial port when nothing was amiss. */
export const probeGreeting = "BANGER64";

/** Samples of its clocks that the program takes. */
export const probeSamples = 6;

/** The program of the probe's guest: it checks the processor, says so, samples two clocks, and ends the machine. */
export function probeProgram(): Buffer {
  const hex = Array.from(listing.matchAll(/^((?:[0-9a-f]{2} )+) /gm), ([, bytes]) => bytes ?? "");
  return Buffer.from(hex.join("").replaceAll(" ", ""), "hex");
}

/**
 * Machine code and the assembly it is, loaded at 1 MiB. Written for this purpose. Everything an ordinary kernel leans on is used once and
 * its result compared; then there is enough plain arithmetic that a host which merely interprets instructions one by
 * one (as some KVM modules do with guests that they cannot run) is not done in time. Output on port 3f8, little-endian:
 * 8 bytes of greeting, then 6 times the time stamp counter (u64) and the interval timer's count (u64) at one moment.
 */
const listing = `
entry:
; 32-bit protected mode, no paging (PVH boot ABI)
fa                              cli
bc 00 80 10 00                  mov esp,0x108000
; page tables: PML4 at 110000, PDPT at 111000, page directories at 112000 and 113000
bf 00 00 11 00                  mov edi,0x110000
31 c0                           xor eax,eax
b9 00 10 00 00                  mov ecx,0x1000
f3 ab                           rep stos [edi],eax
c7 05 00 00 11 00 03 10 11 00   mov [0x110000],0x111003
c7 05 00 10 11 00 03 20 11 00   mov [0x111000],0x112003
c7 05 18 10 11 00 03 30 11 00   mov [0x111018],0x113003
; 0 to 2 MiB, and the same again at 2 MiB; the local APIC at fee00000, not cached
c7 05 00 20 11 00 83 00 00 00   mov [0x112000],0x83
c7 05 08 20 11 00 83 00 00 00   mov [0x112008],0x83
c7 05 b8 3f 11 00 93 00 e0 fe   mov [0x113fb8],0xfee00093
; PAE, FXSR, SSE; then long mode with SYSCALL; then paging
0f 20 e0                        mov eax,cr4
0d 20 06 00 00                  or eax,0x620
0f 22 e0                        mov cr4,eax
b8 00 00 11 00                  mov eax,0x110000
0f 22 d8                        mov cr3,eax
b9 80 00 00 c0                  mov ecx,0xc0000080
0f 32                           rdmsr
0d 01 01 00 00                  or eax,0x101
0f 30                           wrmsr
0f 20 c0                        mov eax,cr0
0d 01 00 00 80                  or eax,0x80000001
0f 22 c0                        mov cr0,eax
0f 01 15 d8 02 10 00            lgdt [0x1002d8]
ea 8a 00 10 00 08 00            jmp 0x8:0x10008a
long_mode:
b8 10 00 00 00                  mov eax,0x10
8e d8                           mov ds,eax
8e c0                           mov es,eax
8e d0                           mov ss,eax
; 64-bit arithmetic; rbx gathers every difference from what should be
48 b8 ef cd ab 89 67 45 23 01   movabs rax,0x123456789abcdef
48 b9 11 32 54 76 98 ba dc fe   movabs rcx,0xfedcba9876543211
48 f7 e1                        mul rcx
48 b9 42 d7 77 ad 00 fa 21 01   movabs rcx,0x121fa00ad77d742
48 31 ca                        xor rdx,rcx
48 89 d3                        mov rbx,rdx
; the same eight bytes through both mappings
48 8b 0c 25 e8 02 10 00         mov rcx,[0x1002e8]
48 2b 0c 25 e8 02 30 00         sub rcx,[0x3002e8]
48 09 cb                        or rbx,rcx
; STAR and LSTAR, read back, and used
b9 81 00 00 c0                  mov ecx,0xc0000081
31 c0                           xor eax,eax
ba 08 00 18 00                  mov edx,0x180008
0f 30                           wrmsr
b9 82 00 00 c0                  mov ecx,0xc0000082
b8 f9 00 10 00                  mov eax,0x1000f9
31 d2                           xor edx,edx
0f 30                           wrmsr
0f 32                           rdmsr
2d f9 00 10 00                  sub eax,0x1000f9
48 09 c3                        or rbx,rax
31 f6                           xor esi,esi
0f 05                           syscall
on_syscall:
b8 10 00 00 00                  mov eax,0x10
8e d0                           mov ss,eax
; SSE2, as every 64-bit compiler emits it: an instruction emulator knows only its moves
48 b8 11 11 11 11 11 11 11 11   movabs rax,0x1111111111111111
66 48 0f 6e c0                  movq xmm0,rax
66 0f d4 c0                     paddq xmm0,xmm0
66 48 0f 7e c1                  movq rcx,xmm0
48 01 c0                        add rax,rax
48 31 c8                        xor rax,rcx
48 09 c3                        or rbx,rax
; 16 million instructions: milliseconds on a processor, minutes in an instruction emulator
b9 00 09 3d 00                  mov ecx,0x3d0900
b8 01 00 00 00                  mov eax,0x1
69 c0 0d 66 19 00               imul eax,eax,0x19660d
05 5f f3 6e 3c                  add eax,0x3c6ef35f
ff c9                           dec ecx
75 f1                           jne 10012b
2d 01 b1 52 f7                  sub eax,0xf752b101
48 09 c3                        or rbx,rax
; interrupt table at 114000 with vectors 6 and 32; the two old interrupt controllers masked
bf 00 40 11 00                  mov edi,0x114000
c7 47 60 93 02 08 00            mov [rdi+0x60],0x80293
c7 47 64 00 8e 10 00            mov [rdi+0x64],0x108e00
c7 87 00 02 00 00 9d 02 08 00   mov [rdi+0x200],0x8029d
c7 87 04 02 00 00 00 8e 10 00   mov [rdi+0x204],0x108e00
0f 01 1c 25 de 02 10 00         lidt [0x1002de]
b0 ff                           mov al,0xff
e6 21                           out 0x21,al
e6 a1                           out 0xa1,al
31 ed                           xor ebp,ebp
0f 0b                           ud2
; the local APIC's timer fires once, waited for with hlt
bf 00 00 e0 fe                  mov edi,0xfee00000
c7 87 f0 00 00 00 ff 01 00 00   mov [rdi+0xf0],0x1ff
c7 87 e0 03 00 00 0b 00 00 00   mov [rdi+0x3e0],0xb
c7 87 20 03 00 00 20 00 00 00   mov [rdi+0x320],0x20
c7 87 80 03 00 00 a0 86 01 00   mov [rdi+0x380],0x186a0
fb                              sti
f4                              hlt
fa                              cli
f7 c5 02 00 00 00               test ebp,0x2
74 f5                           je 1001a8
83 ed 03                        sub ebp,0x3
48 09 eb                        or rbx,rbp
; result: eight known bytes, if nothing differed
48 03 1c 25 e8 02 10 00         add rbx,[0x1002e8]
48 89 d8                        mov rax,rbx
e8 a7 00 00 00                  call 100270
; channel 2 of the interval timer counts down from 65536 over and over
e4 61                           in al,0x61
24 fd                           and al,0xfd
0c 01                           or al,0x1
e6 61                           out 0x61,al
b0 b4                           mov al,0xb4
e6 43                           out 0x43,al
31 c0                           xor eax,eax
e6 42                           out 0x42,al
e6 42                           out 0x42,al
; six samples, 20 ms apart, each the closest of 64 readings
41 bf 06 00 00 00               mov r15d,0x6
sample:
41 be 40 00 00 00               mov r14d,0x40
49 c7 c5 ff ff ff ff            mov r13,0xffffffffffffffff
e8 53 00 00 00                  call 100246
4c 89 c9                        mov rcx,r9
4c 29 c1                        sub rcx,r8
4c 39 e9                        cmp rcx,r13
73 09                           jae 100207
49 89 cd                        mov r13,rcx
4d 89 c4                        mov r12,r8
41 89 c3                        mov r11d,eax
41 ff ce                        dec r14d
75 e2                           jne 1001ee
49 d1 ed                        shr r13,1
4b 8d 04 2c                     lea rax,[r12+r13*1]
e8 58 00 00 00                  call 100270
44 89 d8                        mov eax,r11d
e8 50 00 00 00                  call 100270
41 ff cf                        dec r15d
74 17                           je 10023c
e8 1c 00 00 00                  call 100246
44 89 d9                        mov ecx,r11d
29 c1                           sub ecx,eax
0f b7 c9                        movzx ecx,cx
81 f9 38 5d 00 00               cmp ecx,0x5d38
72 eb                           jb 100225
eb a5                           jmp 1001e1
done:
b8 2a 00 00 00                  mov eax,0x2a
e7 f4                           out 0xf4,eax
f4                              hlt
eb fd                           jmp 100243
latch:
0f 31                           rdtsc
48 c1 e2 20                     shl rdx,0x20
48 09 d0                        or rax,rdx
49 89 c0                        mov r8,rax
b0 80                           mov al,0x80
e6 43                           out 0x43,al
0f 31                           rdtsc
48 c1 e2 20                     shl rdx,0x20
48 09 d0                        or rax,rdx
49 89 c1                        mov r9,rax
31 c0                           xor eax,eax
e4 42                           in al,0x42
89 c1                           mov ecx,eax
e4 42                           in al,0x42
c1 e0 08                        shl eax,0x8
09 c8                           or eax,ecx
c3                              ret
emit:
b9 08 00 00 00                  mov ecx,0x8
48 89 c7                        mov rdi,rax
ba fd 03 00 00                  mov edx,0x3fd
ec                              in al,dx
a8 20                           test al,0x20
74 fb                           je 10027d
ba f8 03 00 00                  mov edx,0x3f8
89 f8                           mov eax,edi
ee                              out dx,al
48 c1 ef 08                     shr rdi,0x8
ff c9                           dec ecx
75 e6                           jne 100278
c3                              ret
on_fault:
48 83 04 24 02                  add [rsp],0x2
83 cd 01                        or ebp,0x1
48 cf                           iretq
on_timer:
83 cd 02                        or ebp,0x2
bf 00 00 e0 fe                  mov edi,0xfee00000
c7 87 b0 00 00 00 00 00 00 00   mov [rdi+0xb0],0x0
48 cf                           iretq
; padding
0f 1f 80 00 00 00 00            nop [rax+0x0]
gdt:
00 00 00 00 00 00 00 00         null
00 00 00 00 00 9a 20 00         64-bit code
00 00 00 00 00 92 00 00         data
00 00 00 00 00 00 00 00         null
gdtr:
1f 00 b8 02 10 00               limit, gdt
idtr:
0f 02 00 40 11 00 00 00 00 00   limit, interrupt table
magic:
42 41 4e 47 45 52 36 34         "BANGER64"
`;
