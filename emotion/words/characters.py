"""Written forms that mean the same: full-width to half-width letters, common traditional to simplified characters."""

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
TRADITIONAL = (
    "網聯電話費個們這說沒為麼時還給應該經過問題關係處態務員將來會對開無後現實發點錯樣誰難號動廣線訊視頻錄請謝讓認識買賣錢貨單價優條約規則權責賠償訴舉報騙壞爛氣憤惡噁"
    "壓虛傳導誤轉變復聽聲語書寫見親愛國際業產質檢測試驗簡體機構營運門間闆東車輛飛馬島灣龍鳥魚黃齊齒須順頭顧願類風飯飲館駕駛鬆鬧麗麥齡極標樓樂楊歡歲歷殺決沖況淚減滿漢"
    "漲潛澤濟熱燈爭爺牆獎獨獲瑪環畫畢異當療盜監盤眾睜礎禮禍稅種稱積穩窮競筆節範築簽糧紀紅純紙級細終組結絕統絲綠維緊練縮總績續罵罰習聖聞職腦腳臉舊艱藝藥蘇蟲補裝裡製複"
    "討許訂計記設評詞詢詳誠調談論證譯護讀豐負財貪貼資賴趕跡踐蹤較載輕輸辦農連進遊達違遠適選遺郵鄉釋鐘鐵鈴銀銷鎖鏡長閉陣陰陸隊階隨險隱雖雙雜離雲靈靜韓頁項預領顏顯驚鮮"
    "傷備傑債儘億僅儀兩冊凍劃劇勁勞勢勝區協卻廠參啟喪嗎嘗噴團園圓圖執堅壇壽夠夢夾奪奮媽嬰孫學寶寬審專尋屬層崗嶺幣帳帶幫庫廁廂廢廳強彈彙彎徹從徵恆恥悶惱慘慣慮慶憂憑懶"
    "懷戀戰戲戶掃掛採揚換損搖搶擁擇擊擋據擔擴擺擾攔攝敗敵數斷於昇暫曉術檔櫃蝸鈤別瘋頓衝鍵鎚麵"
)
SIMPLE = (
    "网联电话费个们这说没为么时还给应该经过问题关系处态务员将来会对开无后现实发点错样谁难号动广线讯视频录请谢让认识买卖钱货单价优条约规则权责赔偿诉举报骗坏烂气愤恶恶"
    "压虚传导误转变复听声语书写见亲爱国际业产质检测试验简体机构营运门间板东车辆飞马岛湾龙鸟鱼黄齐齿须顺头顾愿类风饭饮馆驾驶松闹丽麦龄极标楼乐杨欢岁历杀决冲况泪减满汉"
    "涨潜泽济热灯争爷墙奖独获玛环画毕异当疗盗监盘众睁础礼祸税种称积稳穷竞笔节范筑签粮纪红纯纸级细终组结绝统丝绿维紧练缩总绩续骂罚习圣闻职脑脚脸旧艰艺药苏虫补装里制复"
    "讨许订计记设评词询详诚调谈论证译护读丰负财贪贴资赖赶迹践踪较载轻输办农连进游达违远适选遗邮乡释钟铁铃银销锁镜长闭阵阴陆队阶随险隐虽双杂离云灵静韩页项预领颜显惊鲜"
    "伤备杰债尽亿仅仪两册冻划剧劲劳势胜区协却厂参启丧吗尝喷团园圆图执坚坛寿够梦夹夺奋妈婴孙学宝宽审专寻属层岗岭币帐带帮库厕厢废厅强弹汇弯彻从征恒耻闷恼惨惯虑庆忧凭懒"
    "怀恋战戏户扫挂采扬换损摇抢拥择击挡据担扩摆扰拦摄败敌数断于升暂晓术档柜蜗日别疯顿冲键锤面"
)
SIMPLIFIED = str.maketrans(TRADITIONAL, SIMPLE)
"""Not a dictionary: the characters that callers' complaints are written with; one to one, so that offsets hold."""


def simplify(text: str) -> str:
    """The text with full-width forms made half-width and common traditional characters simplified; same length."""
    return text.translate(FULL_WIDTH).translate(SIMPLIFIED)
